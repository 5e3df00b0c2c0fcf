use super::*;

fn bind_at(path: &Path) -> io::Result<SocketListener> {
    bind_socket(path, &UnixSockets::default())
}

/// A name in a folder that vanishes.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.sock");
    (folder, path)
}

#[tokio::test]
async fn the_file_goes_with_the_listener() {
    let (_folder, path) = place();
    let listener = bind_at(&path).unwrap();
    assert!(path.exists());
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let (_folder, path) = place();
    // What a process leaves behind that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let _listener = bind_at(&path).unwrap();
    let fault = bind_at(&path).err().unwrap();
    assert_eq!(fault.kind(), io::ErrorKind::AddrInUse);
    assert!(path.exists());
}

#[tokio::test]
async fn what_is_no_socket_stays() {
    let (_folder, path) = place();
    fs_err::write(&path, "a letter").unwrap();
    assert_eq!(bind_at(&path).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs_err::read_to_string(&path).unwrap(), "a letter");
}

#[tokio::test]
async fn the_mode_is_as_stated() {
    let (_folder, path) = place();
    let settings = UnixSockets { mode: Some(0o640), ..UnixSockets::default() };
    let _listener = bind_socket(&path, &settings).unwrap();
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn an_owner_who_cannot_be_leaves_no_socket_behind() {
    let (_folder, path) = place();
    let user = if Uid::effective().is_root() { u32::MAX - 1 } else { 0 };
    let settings = UnixSockets { user: Some(user), ..UnixSockets::default() };
    match bind_socket(&path, &settings) {
        Ok(_listener) => assert_eq!(fs_err::metadata(&path).unwrap().uid(), user),
        Err(_) => assert!(!path.exists()),
    }
}

#[tokio::test]
async fn the_file_of_another_process_is_left_to_it() {
    let (_folder, path) = place();
    let listener = bind_at(&path).unwrap();
    fs_err::remove_file(&path).unwrap();
    let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(path.exists());
}
