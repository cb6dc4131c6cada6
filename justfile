# Each recipe is a step of CI; `just ci` is all of it.

ci:
    bash .ci/run

check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings

test:
    cargo test --workspace

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

deny:
    cargo deny check bans licenses sources

bench:
    cargo bench -p benches

example *ARGUMENTS:
    cargo run --example authorize -- {{ARGUMENTS}}
