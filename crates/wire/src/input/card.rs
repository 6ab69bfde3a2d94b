//! Card numbers in descriptions are masked before anything is stored (contracts.md, "In").

/// Digits that a card number may have.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Masks every run of digits that looks like a card number (13 to 19 digits that pass Luhn's check; single spaces
/// and dashes between them are allowed), alone or joined with its neighbours, but for its last four digits.
/// `None` where there is nothing to mask.
#[must_use]
pub fn mask(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut masked = vec![false; bytes.len()];
    let mut at = 0;
    while at < bytes.len() {
        let (runs, end) = group(bytes, at);
        mask_group(bytes, &runs, &mut masked);
        at = end.max(at + 1);
    }
    if !masked.contains(&true) {
        return None;
    }
    // Only ASCII digits are masked, so what is between them stays whole.
    let masked = bytes.iter().zip(&masked).map(|(b, m)| if *m { b'*' } else { *b }).collect();
    String::from_utf8(masked).ok()
}

/// The runs of digits from `at` on that are separated by one space or dash, and where they end.
fn group(bytes: &[u8], at: usize) -> (Vec<std::ops::Range<usize>>, usize) {
    let mut runs = Vec::new();
    let mut start = at;
    loop {
        let length = bytes.iter().skip(start).take_while(|b| b.is_ascii_digit()).count();
        if length == 0 {
            return (runs, start);
        }
        let end = start + length;
        runs.push(start..end);
        if !matches!(bytes.get(end), Some(b' ' | b'-')) {
            return (runs, end);
        }
        start = end + 1;
    }
}

fn mask_group(bytes: &[u8], runs: &[std::ops::Range<usize>], masked: &mut [bool]) {
    for first in 0..runs.len() {
        let mut places: Vec<usize> = Vec::new();
        for run in runs.iter().skip(first) {
            places.extend(run.clone());
            if places.len() > *DIGITS.end() {
                break;
            }
            if DIGITS.contains(&places.len()) && luhn(places.iter().filter_map(|p| bytes.get(*p))) {
                for place in places.iter().take(places.len() - 4) {
                    if let Some(m) = masked.get_mut(*place) {
                        *m = true;
                    }
                }
            }
        }
    }
}

/// Luhn's check: from the right, every second digit doubled; the sum of all digits is a multiple of ten.
fn luhn<'a>(digits: impl DoubleEndedIterator<Item = &'a u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0');
            if i % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn card_numbers_are_masked_and_nothing_else() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(mask(text).as_deref(), expected, "{text}");
        check("card 4242424242424242 ok", Some("card ************4242 ok"));
        check("4242 4242 4242 4242", Some("**** **** **** 4242"));
        check("4242-4242-4242-4242", Some("****-****-****-4242"));
        // Joined with a neighbour that is no part of it: the run that qualifies is found all the same.
        check("12 4242424242424242", Some("12 ************4242"));
        check("4242424242424243", None); // fails Luhn's check
        check("order 123456789012", None); // 12 digits
        check("42424242424242424242", None); // 20 digits in one run
        check("4242  4242  4242  4242", None); // two spaces between
        check("", None);
        check("naïve 4242424242424242", Some("naïve ************4242"));
    }
}
