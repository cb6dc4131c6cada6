//! Counts what each path to a cached token allocates, and prints it as a table.

use std::{hint::black_box, process::ExitCode};

use tokens::Measure;

const CALLS: u64 = 1000;

struct Counted;

impl Measure for Counted {
    fn path<C, R>(&mut self, name: &str, caller: impl Fn() -> C + Sync)
    where
        C: FnMut() -> R,
    {
        let mut call = caller();
        // What is made once is not counted.
        black_box(call());
        let counted = allocation_counter::measure(|| {
            for _ in 0..CALLS {
                black_box(call());
            }
        });
        let per_call = |total: u64| total as f64 / CALLS as f64;
        println!(
            "{name:<52} {:>12.2} {:>12.1}",
            per_call(counted.count_total),
            per_call(counted.bytes_total)
        );
    }
}

fn main() -> ExitCode {
    tokens::with_tenant(|| {
        println!("{:<52} {:>12} {:>12}", "per call", "allocations", "bytes");
        tokens::measure(&mut Counted);
    })
}
