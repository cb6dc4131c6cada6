//! The answers, for a person to read.

use super::{desk::Step, walk::Row};

/// Prints the answers as a table. `row` is that of the decision table.
pub(super) fn print(rows: &[Row]) {
    println!(
        "  row  {:<40} {:<5} {:<19} {:<24} served",
        "what is asked", "HTTP", "decision", "reason"
    );
    for row in rows {
        let mark = if row.is_as_expected() { ' ' } else { '!' };
        println!(
            "{mark} {:>3}  {:<40} {:<5} {:<19} {:<24} {}",
            row.number, row.what, row.status, row.outcome, row.reason, row.served
        );
        if !row.is_as_expected() {
            let expected = row.expected;
            println!(
                "       expected: {} {} {}",
                expected.status, expected.reason, expected.served
            );
        }
    }
}

/// Prints what came of the operations.
pub(super) fn print_operations(steps: &[Step]) {
    println!(
        "  {:<16} {:<8} {:<34} result",
        "operation", "takes", "what is asked"
    );
    for step in steps {
        let mark = if step.is_as_expected() { ' ' } else { '!' };
        println!(
            "{mark} {:<16} {:<8} {:<34} {}",
            step.operation.as_str(),
            step.operation.capability().as_str(),
            step.what,
            step.result
        );
        if !step.is_as_expected() {
            println!("       expected: {}", step.expected);
        }
    }
}
