# Each recipe is a step of CI; `just ci` is all of it.

ci:
    bash .ci/run

check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings

test:
    cargo test --workspace

# The single flights of the caches, at random and by priorities; MODEL_SCHEDULES=100000 for longer.
model:
    RUSTFLAGS='--cfg shuttle' cargo test -p compliance-gate -p entra-auth --test model --target-dir target/shuttle

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

deny:
    cargo deny check bans licenses sources

bench:
    cargo bench -p benches
    cargo bench --manifest-path benches/tokens/Cargo.toml

# Microsoft's own libraries for Python against the simulator: needs msal and azure-identity.
python:
    cargo build -p intune-sim
    python3 intune-sim/clients/python/tokens.py target/debug/intune-sim

example *ARGUMENTS:
    cargo run --example authorize -- {{ARGUMENTS}}
