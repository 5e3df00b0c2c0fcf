//! A Docker that speaks the real protocol over a real socket, and says what a test tells it to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use super::{LONG, SHORT, check, run_in, timing};
use crate::agent::probe::{Finding, Network};
use crate::model::definition::Probe;

/// What a Docker was asked: first lines and bodies.
type Asked = Arc<Mutex<Vec<String>>>;

/// The answers to the calls of an exec.
#[derive(Clone)]
struct Answers {
    create: String,
    /// What comes, piece by piece; without an end if so.
    start: Vec<Vec<u8>>,
    hangs: bool,
    inspect: String,
}

fn answers(start: &[&[u8]], exit: &str) -> Answers {
    Answers {
        create: json("201 Created", r#"{"Id":"e1"}"#),
        start: start.iter().map(|piece| piece.to_vec()).collect(),
        hangs: false,
        inspect: json("200 OK", exit),
    }
}

fn json(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// One piece of output, as Docker frames it.
fn frame(stream: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[stream, 0, 0, 0], &length[..], text.as_bytes()].concat()
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answers: Answers, asked: Asked) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    let (head, body) = loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        bytes.extend(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() == length.map_or(0, |length| length.parse().unwrap()) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let first = head.lines().next().unwrap().to_owned();
    asked.lock().unwrap().push(format!("{first} {body}").trim_end().to_owned());
    if first.contains("/start ") {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        for piece in answers.start {
            let _ = stream.write_all(&piece).await;
            let _ = stream.flush().await;
        }
        if answers.hangs {
            std::future::pending::<()>().await;
        }
        return;
    }
    let answer = if first.contains("/json ") { answers.inspect } else { answers.create };
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A Docker at a socket in a folder of its own.
struct Docker {
    /// Kept until the end.
    folder: TempDir,
    asked: Asked,
    answers: Arc<Mutex<Answers>>,
}

impl Docker {
    fn start(answers: Answers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let asked = Asked::default();
        let listener = UnixListener::bind(socket(folder.path())).unwrap();
        let answers = Arc::new(Mutex::new(answers));
        let (told, answering) = (Arc::clone(&asked), Arc::clone(&answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answers = answering.lock().unwrap().clone();
                tokio::spawn(serve(stream, answers, Arc::clone(&told)));
            }
        });
        Self { folder, asked, answers }
    }

    fn host(&self) -> String {
        format!("unix://{}", socket(self.folder.path()).display())
    }

    async fn run(&self, container: &str, timeout: Duration, output_bytes_max: usize) -> Finding {
        run_at(&self.host(), container, timeout, output_bytes_max).await
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("docker.sock")
}

async fn run_at(host: &str, container: &str, timeout: Duration, bytes_max: usize) -> Finding {
    run_on(&Network::new(host), container, timeout, bytes_max).await
}

async fn run_on(
    network: &Network,
    container: &str,
    timeout: Duration,
    bytes_max: usize,
) -> Finding {
    let args = ["/bin/check", "a b"].map(str::to_owned).to_vec();
    let probe = Probe::Docker { container: container.to_owned(), args, timing: timing(timeout) };
    run_in(network, probe, bytes_max).await
}

const PASSED: &str = r#"{"ExitCode":0,"Running":false}"#;

#[tokio::test]
async fn exit_codes_in_a_container_mean_what_they_mean_outside() {
    let both = [frame(1, "out\n"), frame(2, "err\n")].concat();
    let (one, other) = both.split_at(5);
    let cases: [(Answers, Expect); 6] = [
        // A frame's head may come in two pieces.
        (answers(&[one, other], PASSED), expect![[r#"passing "out\nerr\n""#]]),
        (answers(&[&both], r#"{"ExitCode":1}"#), expect![[r#"warning "out\nerr\n""#]]),
        (answers(&[&both], r#"{"ExitCode":126}"#), expect![[r#"critical "out\nerr\n""#]]),
        (answers(&[], PASSED), expect![[r#"passing """#]]),
        (answers(&[&frame(1, ""), &frame(1, "x")], PASSED), expect![[r#"passing "x""#]]),
        (
            answers(&[], r#"{"ExitCode":null,"Running":true}"#),
            expect![[
                r#"critical "docker exec in `web`: its output ended before the program did""#
            ]],
        ),
    ];
    for (answers, expected) in cases {
        check(&Docker::start(answers).run("web", LONG, 4096).await, None, &expected);
    }
}

#[tokio::test]
async fn docker_is_asked_three_times() {
    let docker = Docker::start(answers(&[], PASSED));
    docker.run("we/b ?", LONG, 4096).await;
    let asked = docker.asked.lock().unwrap().join("\n");
    expect![[r#"
        POST /containers/we%2Fb%20%3F/exec HTTP/1.1 {"AttachStdin":false,"AttachStdout":true,"AttachStderr":true,"Tty":false,"Cmd":["/bin/check","a b"]}
        POST /exec/e1/start HTTP/1.1 {"Detach":false,"Tty":false}
        GET /exec/e1/json HTTP/1.1"#]]
    .assert_eq(&asked);
}

#[tokio::test]
async fn much_output_in_a_container_keeps_its_last_bytes() {
    let piece = frame(1, "0123456789");
    let finding = Docker::start(answers(&[&piece, &piece], PASSED)).run("web", LONG, 4).await;
    check(&finding, None, &expect![[r#"passing "Captured 4 of 20 bytes\n...\n6789""#]]);
}

#[tokio::test]
async fn a_program_in_a_container_may_take_so_long() {
    let mut answers = answers(&[&frame(1, "started\n")], PASSED);
    answers.hangs = true;
    let finding = Docker::start(answers).run("web", SHORT, 4096).await;
    check(&finding, None, &expect![[r#"critical "Timed out (300ms) running check\n\nstarted\n""#]]);
}

#[tokio::test]
async fn no_program_is_started_beside_one_that_was_left_behind() {
    let mut answers = answers(&[&frame(1, "started\n")], r#"{"ExitCode":null,"Running":true}"#);
    answers.hangs = true;
    let docker = Docker::start(answers);
    let network = Network::new(&docker.host());
    let run = async |container: &str| run_on(&network, container, SHORT, 4096).await;
    let timed_out = expect![[r#"critical "Timed out (300ms) running check\n\nstarted\n""#]];
    check(&run("web").await, None, &timed_out);
    for _ in 0..2 {
        check(
            &run("web").await,
            None,
            &expect![[
                r#"critical "docker exec in `web`: the program of an earlier run has not ended yet""#
            ]],
        );
    }
    // Another container is another matter.
    check(&run("db").await, None, &timed_out);
    let ended = json("200 OK", PASSED);
    docker.answers.lock().unwrap().inspect = ended;
    docker.answers.lock().unwrap().hangs = false;
    check(&run("web").await, None, &expect![[r#"passing "started\n""#]]);
}

#[tokio::test]
async fn what_docker_refuses_is_told_in_its_words() {
    let cases = [
        (
            json("404 Not Found", r#"{"message":"No such container: web"}"#),
            expect![[
                r#"critical "docker exec in `web`: Docker answered 404: No such container: web""#
            ]],
        ),
        (
            json("500 Internal Server Error", "oops"),
            expect![[
                r#"critical "docker exec in `web`: Docker answered 500 Internal Server Error""#
            ]],
        ),
        (
            json("201 Created", "[]"),
            expect![[r#"critical "docker exec in `web`: an answer that is not Docker's""#]],
        ),
        (
            json("201 Created", &format!(r#"{{"Id":"{}"}}"#, "x".repeat(70_000))),
            expect![[
                r#"critical "docker exec in `web`: an answer that is too long to be Docker's""#
            ]],
        ),
    ];
    for (create, expected) in cases {
        let answers = Answers { create, ..answers(&[], PASSED) };
        check(&Docker::start(answers).run("web", LONG, 4096).await, None, &expected);
    }
}

#[tokio::test]
async fn a_docker_that_is_not_there_is_critical() {
    let cases = [
        (
            "unix:///nonesuch/docker.sock",
            expect![[
                r#"critical "docker exec in `web`: cannot reach Docker at unix:///nonesuch/docker.sock: No such file or directory (os error 2)""#
            ]],
        ),
        (
            "ssh://host",
            expect![[
                r#"critical "docker exec in `web`: DOCKER_HOST `ssh://host` cannot be used; give `unix:///PATH` or `tcp://HOST:PORT`""#
            ]],
        ),
        (
            "tcp://",
            expect![[r#"critical "docker exec in `web`: DOCKER_HOST `tcp://`: empty host""#]],
        ),
    ];
    for (host, expected) in cases {
        check(&run_at(host, "web", LONG, 4096).await, None, &expected);
    }
}

#[tokio::test]
async fn docker_may_listen_on_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answers(&[&frame(1, "hi")], PASSED), Asked::default()));
        }
    });
    let finding = run_at(&format!("tcp://{address}"), "web", LONG, 4096).await;
    check(&finding, None, &expect![[r#"passing "hi""#]]);
}
