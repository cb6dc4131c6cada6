//! The binary, and TLS.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use intune_sim::{Sim, SimConfig};
use reqwest::{Certificate, Client};
use serde_json::Value;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_intune-sim"));
    command.args(arguments);
    command
}

/// A running binary, killed at the end of its test.
struct Running {
    child: Child,
    connection: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            connection: serde_json::from_str(&line).unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Trusts nothing but this certificate.
fn trusting(pem: &[u8]) -> Client {
    let ca = Certificate::from_pem(pem).unwrap();
    Client::builder()
        .no_proxy()
        .tls_certs_only([ca])
        .build()
        .unwrap()
}

#[tokio::test]
async fn the_first_line_says_how_to_reach_it_and_a_signal_ends_it() {
    let mut running = Running::start(&["--listen", "127.0.0.1:0", "--seed", "7", "--devices", "3"]);
    let connection = &running.connection;
    let same = Sim::start(SimConfig::default().seed(7).devices(3))
        .await
        .unwrap();
    assert_eq!(connection["tenant"], same.tenant());
    assert_eq!(connection["client_id"], same.client_id());
    assert_eq!(connection["client_secret"], same.client_secret());
    assert_eq!(connection.get("ca"), None);
    let issuer = connection["issuer"].as_str().unwrap();
    let authority = connection["authority"].as_str().unwrap();
    assert_eq!(issuer, format!("{authority}/{}/v2.0", same.tenant()));
    let url = format!("{issuer}/.well-known/openid-configuration");
    let body: Value = crate::client::http()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(body["issuer"], issuer);

    let pid = running.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(running.child.wait().unwrap().success());
}

#[tokio::test]
async fn tls_is_served_under_its_own_authority() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let running = Running::start(&["--tls", path]);
    let ca = std::fs::read(running.connection["ca"].as_str().unwrap()).unwrap();
    let issuer = running.connection["issuer"].as_str().unwrap();
    assert!(issuer.starts_with("https://127.0.0.1:"));
    let url = format!("{issuer}/.well-known/openid-configuration");
    let http = trusting(&ca);
    for url in [url.clone(), url.replace("127.0.0.1", "localhost")] {
        let body: Value = http.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(body["issuer"], issuer);
    }

    // Another start has another authority.
    let other = tempfile::tempdir().unwrap();
    let sim = Sim::start(SimConfig::default().tls(other.path()))
        .await
        .unwrap();
    let ca = std::fs::read(sim.ca().unwrap()).unwrap();
    assert!(trusting(&ca).get(&url).send().await.is_err());
    assert!(
        trusting(&ca)
            .get(format!("{}_sim/tenant", sim.base_url()))
            .send()
            .await
            .is_ok()
    );
    sim.stop().await;
}

#[test]
fn bad_arguments_are_named() {
    for (arguments, expected) in [
        (["--listen", "0.0.0.0:0"], "not a loopback address"),
        (["--listen", "localhost"], "not an address with a port"),
        (["--devices", "many"], "--devices"),
        (
            ["--tenant", "contoso"],
            "the tenant `contoso` is not a GUID",
        ),
        (["--tls", "/dev/null/x"], "can't write `/dev/null/x/ca.pem`"),
    ] {
        let output = program(&arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
}
