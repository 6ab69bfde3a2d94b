//! Masking of card numbers in free text.

/// The text with `*` for each digit of a card number but its last four. A card number is 13 to 19
/// digits that pass the Luhn check: one run of digits, or neighbouring runs with nothing but
/// spaces and dashes between.
pub(super) fn masked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut masked = bytes.to_vec();
    let runs = digit_runs(bytes);
    for first in 0..runs.len() {
        let mut places = Vec::new();
        for last in first..runs.len() {
            if last > first {
                let between = &bytes[runs[last - 1].1..runs[last].0];
                if between.iter().any(|byte| !b" -".contains(byte)) {
                    break;
                }
            }
            places.extend(runs[last].0..runs[last].1);
            if (13..=19).contains(&places.len()) && passes_luhn(bytes, &places) {
                for place in &places[..places.len() - 4] {
                    masked[*place] = b'*';
                }
            }
        }
    }
    // Only ASCII digits were replaced, so it is still UTF-8.
    String::from_utf8(masked).unwrap_or_default()
}

/// Start and end of each run of digits.
fn digit_runs(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (place, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_digit() {
            continue;
        }
        match runs.last_mut() {
            Some((_, end)) if *end == place => *end += 1,
            _ => runs.push((place, place + 1)),
        }
    }
    runs
}

fn passes_luhn(bytes: &[u8], places: &[usize]) -> bool {
    let mut sum = 0;
    for (from_right, place) in places.iter().rev().enumerate() {
        let digit = u32::from(bytes[*place] - b'0');
        sum += match (from_right % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit < 5 => digit * 2,
            (_, digit) => digit * 2 - 9,
        };
    }
    sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn card_numbers_keep_their_last_four_digits() {
        for (text, expected) in [
            ("", ""),
            ("card 4242424242424242.", "card ************4242."),
            ("4242 4242 4242 4242", "**** **** **** 4242"),
            ("4242-4242 - 4242-4242", "****-**** - ****-4242"),
            ("4242 4242/4242 4242", "4242 4242/4242 4242"), // another separator
            ("4242 4242 4242 4241", "4242 4242 4242 4241"), // fails the check
            ("7 4242424242424242", "7 ************4242"),   // qualifies alone
            ("x42424242424242424242x", "x42424242424242424242x"), // 20 digits
            ("Größe 378282246310005", "Größe ***********0005"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }
}
