//! Rows of cells → aligned columns, two spaces between, as Consul prints them.

/// Lays out rows; the first one is the heading. No line ends in blanks.
pub(super) fn show(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max())
        .map(Option::unwrap_or_default)
        .collect();
    let lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    lines.join("\n")
}

/// Lays out rows under a heading.
pub(super) fn show_under(heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    show(&std::iter::once(row(heading)).chain(rows).collect::<Vec<_>>())
}

/// A heading or another row of fixed words.
pub(super) fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, &wide) in row.iter().zip(widths) {
        text.push_str(cell);
        let blanks = wide.saturating_sub(width(cell)).saturating_add(2);
        text.extend(std::iter::repeat_n(' ', blanks));
    }
    text.trim_end().to_owned()
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// How a command that prints a table prints it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Layout {
    /// For people.
    #[default]
    Pretty,
    /// For programs: the shapes of the HTTP API.
    Json,
}

impl std::fmt::Display for Layout {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        })
    }
}

#[cfg(test)]
mod tests;
