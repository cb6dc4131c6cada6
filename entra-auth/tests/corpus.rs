//! What the fuzzers found, by the same assertions, without a fuzzer: every file of `fuzz/corpus` once.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic, and says of what"
)]

use std::{fs, path::Path};

#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a library of the fuzz targets, and here a part of a test, which may panic"
)]
#[path = "../../fuzz/src/entra/mod.rs"]
mod targets;

#[expect(
    clippy::indexing_slicing,
    reason = "of the fuzz targets, and here a part of a test, which may panic"
)]
#[path = "../../fuzz/src/response.rs"]
mod response;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut files = 0;
    for file in fs::read_dir(folder.join(target)).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        run(&fs::read(path).unwrap());
        files += 1;
    }
    assert!(files > 0);
}

#[test]
fn certificate_pem() {
    replay("certificate_pem", targets::certificate_pem);
}

#[test]
fn claims_challenge() {
    replay("claims_challenge", targets::claims_challenge);
}

#[test]
fn token_answer() {
    replay("token_answer", targets::token_answer);
}
