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
    clippy::string_slice,
    unreachable_pub,
    reason = "a library of the fuzz targets, and here a part of a test, which may panic"
)]
#[path = "../../fuzz/src/graph/mod.rs"]
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
fn device() {
    replay("device", targets::device);
}

#[test]
fn device_page() {
    replay("device_page", targets::device_page);
}

#[test]
fn error_body() {
    replay("error_body", targets::error_body);
}

#[test]
fn next_link() {
    replay("next_link", targets::next_link);
}

#[test]
fn retry_after() {
    replay("retry_after", targets::retry_after);
}
