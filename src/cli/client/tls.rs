//! Certificates and names → a connector that checks the agent's certificate.

use std::error::Error;
use std::net::ToSocketAddrs;
use std::path::Path;

use reqwest::{Certificate, ClientBuilder, Identity};

use crate::cli::client::endpoint::{Endpoint, Tls};
use crate::cli::fault::{Fault, chain};

/// Finishes a client for an endpoint.
pub(super) fn connector(
    mut builder: ClientBuilder,
    endpoint: &Endpoint,
) -> Result<reqwest::Client, Fault> {
    // A second installation is refused, and the first one is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Some(path) = &endpoint.socket {
        builder = builder.unix_socket(path.clone());
    }
    builder = match &endpoint.tls {
        Some(tls) => secure(builder, tls)?,
        // Without TLS no authority is needed, and loading the system's takes longer than the question.
        None => builder.tls_certs_only([]),
    };
    builder
        .build()
        .map_err(|error| Fault::Refused(format!("cannot prepare TLS: {}", chain(&error))))
}

/// Whether a certificate is the reason for a failure.
pub(super) fn is_to_blame(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        let inner = one.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if one.is::<rustls::Error>()
            || inner.is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
        {
            return true;
        }
        cause = one.source();
    }
    false
}

fn secure(mut builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, Fault> {
    if !tls.verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let mut authorities = Vec::new();
    if let Some(file) = &tls.ca_file {
        authorities.extend(certificates(Path::new(file))?);
    }
    if let Some(folder) = &tls.ca_path {
        authorities.extend(certificates_in(Path::new(folder))?);
    }
    if tls.ca_file.is_some() || tls.ca_path.is_some() {
        builder = builder.tls_certs_only(authorities);
    }
    builder = match (&tls.client_cert, &tls.client_key) {
        (Some(cert), Some(key)) => builder.identity(identity(Path::new(cert), Path::new(key))?),
        (None, None) => builder,
        (Some(_), None) | (None, Some(_)) => {
            return Err(Fault::Refused(
                "-client-cert and -client-key (or CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY) belong together".to_owned(),
            ));
        }
    };
    // The name goes into the URL, so the address that it stands for must be told.
    if let Some((name, address)) = &tls.stand_in {
        let found = address.to_socket_addrs().map_err(|source| {
            Fault::Refused(format!("cannot find the address of {address}: {source}"))
        })?;
        builder = builder.resolve_to_addrs(name, &found.collect::<Vec<_>>());
    }
    Ok(builder)
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, Fault> {
    let text = read(file)?;
    let found = Certificate::from_pem_bundle(&text)
        .map_err(|error| Fault::Refused(format!("{}: {}", file.display(), chain(&error))))?;
    if found.is_empty() {
        return Err(Fault::Refused(format!("{}: no certificate in PEM form", file.display())));
    }
    Ok(found)
}

fn certificates_in(folder: &Path) -> Result<Vec<Certificate>, Fault> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(Fault::File)? {
        let path = entry.map_err(Fault::File)?.path();
        if path.is_file() {
            found.extend(certificates(&path)?);
        }
    }
    Ok(found)
}

fn identity(cert: &Path, key: &Path) -> Result<Identity, Fault> {
    let mut text = read(cert)?;
    text.push(b'\n');
    text.extend(read(key)?);
    Identity::from_pem(&text).map_err(|error| {
        Fault::Refused(format!("{} with {}: {}", cert.display(), key.display(), chain(&error)))
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    fs_err::read(path).map_err(Fault::File)
}
