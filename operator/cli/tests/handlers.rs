//! The handlers of `demo/handlers` pass `imagejob check-handler`, each where its runtime is; a bad one does not.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn handlers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/handlers")
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn check(options: &[&str], command: &[&str]) -> Output {
    let mut check = Command::new(env!("CARGO_BIN_EXE_imagejob"));
    check.arg("check-handler").args(options).arg("--").args(command).current_dir(handlers()).output().unwrap()
}

/// Checks one that is run by `program`; without it, says that it was skipped.
fn passes(language: &str, program: &str, command: &[&str]) {
    if !is_there(program) {
        println!("SKIPPED: {language}, as there is no {program} here");
        return;
    }
    let output = check(&[], command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{language}\n{text}");
    assert!(output.status.success(), "{language}: {text}");
    assert_eq!(text.matches("ok      ").count(), 9, "{language}: {text}");
}

#[test]
fn python() {
    passes("Python", "python3", &["python3", "handler.py"]);
}

#[test]
fn javascript() {
    passes("JavaScript", "node", &["node", "handler.mjs"]);
}

#[test]
fn java() {
    passes("Java", "java", &["java", "Handler.java"]);
}

#[test]
fn php() {
    passes("PHP", "php", &["sh", "-c", "PHP_CLI_SERVER_WORKERS=8 exec php -S 127.0.0.1:$PORT handler.php"]);
}

#[test]
fn cpp() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("handler");
    if is_there("g++") {
        let mut build = Command::new("g++");
        build.args(["-O1", "-std=c++17", "-Wall", "-Werror", "-pthread", "handler.cpp", "-o"]).arg(&program);
        assert!(build.current_dir(handlers()).status().unwrap().success());
    }
    passes("C++", "g++", &[program.to_str().unwrap()]);
}

/// Ends without an answer at what is no image.
const CRASHES: &str = r#"
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if body[:2] != b"\xff\xd8":
            os._exit(3)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

#[test]
fn one_that_ends_at_a_bad_photo_is_told_so_and_was_started_again() {
    let output = check(&["--payload", "bytes"], &["python3", "-c", CRASHES]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("FAILED  what is no image is answered or refused: HandlerFailed: "), "{text}");
    assert_eq!(text.matches("FAILED").count(), 1, "{text}");
}

#[test]
fn one_that_does_not_answer_json_is_told_so() {
    let text = CRASHES.replace("b\"{}\"", "b\"fine\"");
    let output = check(&["--payload", "bytes"], &["python3", "-c", &text]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("HandlerAnswerInvalid: the handler's answer is not a JSON object"), "{text}");
}

#[test]
fn nothing_to_call_is_an_error() {
    let output = check(&[], &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.trim(), "there is nothing to call; name a command after --, or --port, or --socket");
}
