//! The table of the results, in Markdown.

pub(crate) const HEAD: &str = "| promise | measured | target | kept |\n| --- | --- | --- | --- |";

pub(crate) fn row(promise: &str, measured: &str, target: &str, kept: bool) -> String {
    format!("| {promise} | {measured} | {target} | {} |", if kept { "yes" } else { "**no**" })
}

/// A row of a ratio with a range (5 % to 95 %): it is kept, or not, if all of the range says so.
pub(crate) fn row_of_range(promise: &str, measured: &str, most: f64, range: [f64; 2]) -> String {
    let kept = match is_at_most(most, range) {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "not proved",
    };
    format!("| {promise} | {measured} | <= {most} | {kept} |")
}

/// Whether a number of this range is, if all of the range says the same.
pub(crate) fn is_at_most(most: f64, [low, high]: [f64; 2]) -> Option<bool> {
    (high <= most || low > most).then_some(high <= most)
}
