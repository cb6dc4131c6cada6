//! The program for agents on standard input and output: nothing but the protocol, until its input ends.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::example;

/// The program, killed when it is no longer needed.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    files: TempDir,
}

impl Program {
    fn start() -> Self {
        let files = TempDir::new().unwrap();
        let errors = std::fs::File::create(files.path().join("stderr")).unwrap();
        let mut child = Command::new(example("mcp-stdio"))
            .env_clear()
            .env("TMPDIR", files.path())
            .env("RUST_LOG", "debug")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            input: child.stdin.take(),
            child,
            output,
            files,
        }
    }

    fn tell(&mut self, message: &Value) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{message}").unwrap();
        input.flush().unwrap();
    }

    /// The next line, which must be an answer to the request of this id.
    fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.tell(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}{}", self.errors()));
        assert_eq!(answer["jsonrpc"], "2.0");
        assert_eq!(answer["id"], id, "{answer}");
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].take()
    }

    /// What it recorded of its connector.
    fn records(&self) -> Vec<Value> {
        let errors = self.errors();
        let path = errors
            .lines()
            .find_map(|line| line.strip_prefix("Chronicle: "));
        let text = std::fs::read_to_string(path.unwrap()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|record: &Value| record["eventname"] == "CONNECTOR_INVOKED")
            .collect()
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.files.path().join("stderr")).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_speaks_the_protocol_until_its_input_ends() {
    let mut program = Program::start();
    let hello = json!({
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let answer = program.ask(1, "initialize", hello);
    assert_eq!(answer["protocolVersion"], "2025-06-18");
    assert!(answer["capabilities"]["tools"].is_object());
    program.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));

    let answer = program.ask(2, "tools/list", json!({}));
    let tools = answer["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
    let expected = [
        "list_devices",
        "get_device_compliance",
        "sync_device",
        "remote_lock",
    ];
    assert_eq!(names, expected);

    let call = json!({"name": "list_devices", "arguments": {}});
    let answer = program.ask(3, "tools/call", call);
    assert_ne!(answer["isError"], true, "{answer}");
    let devices = answer["structuredContent"]["devices"].as_array().unwrap();
    let laptop = devices
        .iter()
        .find(|device| device["device_name"] == "ADELES-LAPTOP");
    let laptop = laptop.unwrap_or_else(|| panic!("{answer}"));
    let id = &laptop["managed_device_id"];

    // A lock takes somebody else, and here is nobody to ask.
    let call = json!({"name": "remote_lock", "arguments": {"managed_device_id": id}});
    let answer = program.ask(4, "tools/call", call);
    assert_eq!(answer["isError"], true);
    assert_eq!(answer["structuredContent"]["error"], "ceremony_required");

    drop(program.input.take());
    let mut rest = String::new();
    program.output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    let status = program.child.wait().unwrap();
    assert!(status.success(), "{status}: {}", program.errors());
    let invoked = program.records();
    assert_eq!(invoked.len(), 2);
    for record in invoked {
        let data = &record["data"];
        assert_eq!(data["accord_template"], "device-management");
        assert!(data["authorization_context"].is_string());
        assert_eq!(data["principal"]["subject"], "adele");
    }
}

#[test]
fn what_it_cannot_do_without_is_said_on_standard_error() {
    let output = Command::new(example("mcp-stdio"))
        .env_clear()
        .env("INTUNE_ENABLED", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("MCP_USER_TOKEN"), "{errors}");
}
