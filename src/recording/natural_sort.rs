//! Natural sort order of file names: `9.jpg` before `10.jpg`.

use std::cmp::Ordering;

/// Compares names character by character, and runs of digits by their value. Names that differ only in leading zeros
/// compare as plain text.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let order = match (digits(left), digits(right)) {
            (0, _) | (_, 0) => {
                let (mut x, mut y) = (left.chars(), right.chars());
                let (next_x, next_y) = (x.next(), y.next());
                (left, right) = (x.as_str(), y.as_str());
                if next_x.is_none() && next_y.is_none() {
                    return a.cmp(b);
                }
                next_x.cmp(&next_y)
            }
            (n, m) => {
                let (x, y) = (left[..n].trim_start_matches('0'), right[..m].trim_start_matches('0'));
                (left, right) = (&left[n..], &right[m..]);
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// How many ASCII digits `text` begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_by_their_value_and_the_rest_as_text() {
        let sorted =
            ["", "1a", "1.jpg", "01.jpg", "2", "9.jpg", "10.jpg", "99999999999999999999999", "a2b10", "a10b2", "ä"];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(
            names,
            ["", "01.jpg", "1.jpg", "1a", "2", "9.jpg", "10.jpg", "99999999999999999999999", "a2b10", "a10b2", "ä"]
        );
    }
}
