//! The answers, for a person to read.

use super::walk::Row;

/// Prints the rows as a table. `row` is that of the decision table.
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
