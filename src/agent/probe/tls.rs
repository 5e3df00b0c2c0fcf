//! TLS for the probes that speak HTTP/2 by themselves: a connection → an encrypted one.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::model::definition::Tls;

/// What all such probes share. Each half is made when it is first needed: reading the machine's root
/// certificates costs time and memory.
#[derive(Debug, Default)]
pub(super) struct TlsClients {
    /// Verifies certificates.
    verifying: OnceCell<Arc<ClientConfig>>,
    /// Takes any certificate (`tls_skip_verify`).
    trusting: OnceCell<Arc<ClientConfig>>,
}

impl TlsClients {
    /// Encrypts a connection to a host, for HTTP/2.
    pub(super) async fn connect(
        &self,
        tls: &Tls,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, String> {
        let name = tls.server_name.as_deref().unwrap_or(host);
        let server_name = ServerName::try_from(name.to_owned())
            .map_err(|_| format!("`{name}` is no name of a TLS server"))?;
        let config = self.config(tls.skip_verify).await?;
        let connecting = TlsConnector::from(config).connect(server_name, stream);
        connecting.await.map_err(|fault| fault.to_string())
    }

    async fn config(&self, is_trusting: bool) -> Result<Arc<ClientConfig>, String> {
        let cell = if is_trusting { &self.trusting } else { &self.verifying };
        let made = cell.get_or_try_init(|| async move {
            // Root certificates are read from disk: not on an async thread.
            let made = tokio::task::spawn_blocking(move || build(is_trusting)).await;
            made.map_err(|fault| fault.to_string())?.map_err(|fault| fault.to_string())
        });
        made.await.cloned()
    }
}

fn build(is_trusting: bool) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if is_trusting {
        Arc::new(Trusting(Arc::clone(&provider)))
    } else {
        Arc::new(Verifier::new(Arc::clone(&provider))?)
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // RFC 9113 §3.2: what HTTP/2 is called in TLS.
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// Takes any certificate, but only from whoever has its key.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
