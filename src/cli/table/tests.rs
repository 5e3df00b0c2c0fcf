//! Columns line up, whatever stands in them.

use expect_test::{Expect, expect};

use crate::cli::table::{row, show};

#[test]
fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() {
    check(
        &[&["Node", "ID", "DC"], &["a-long-name", "1", "dc1"], &["b", "22", ""]],
        &expect![[r"
            Node         ID  DC
            a-long-name  1   dc1
            b            22"]],
    );
}

#[test]
fn rows_may_be_of_different_lengths() {
    check(&[&["a"], &["bb", "c"], &[]], &expect!["a\nbb  c\n"]);
}

#[test]
fn letters_count_not_bytes() {
    check(&[&["ééé", "x"], &["abcd", "y"]], &expect!["ééé   x\nabcd  y"]);
}

#[test]
fn no_rows_are_no_text() {
    check(&[], &expect![""]);
}

fn check(rows: &[&[&str]], shown: &Expect) {
    shown.assert_eq(&show(&rows.iter().map(|cells| row(cells)).collect::<Vec<_>>()));
}
