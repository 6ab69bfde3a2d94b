//! Names of organizations as parts of account names, and other texts, as each tool permits them.
//!
//! A name may hold any UTF-8 without control characters; the tools end names at spaces, colons, brackets or quotes,
//! and beancount takes little more than letters and digits. What is not permitted is replaced by its bytes in
//! hexadecimal behind a mark that stands for nothing else. So two names never become one account, and each can be
//! read back.

/// Begins an escaped byte where ledger and hledger read it.
const PERCENT: char = '%';

/// Begins an escaped byte where beancount reads it: besides letters and digits all that a part of an account may
/// hold, though not at its beginning.
const DASH: char = '-';

/// Bytes that ledger takes for a part of an account; it fails on one that has more.
const JOURNAL_BYTES_MAX: usize = 255;

/// Joins the pieces of a part that is longer than that, as if each were an account below the one before.
const CUT: &str = "%:";

/// Put before what can't begin a part of a beancount account, and before what would look like that.
const PREFIX: char = 'X';

/// A name as a part of an account of ledger or hledger: letters and digits of any script and `-._@+~` as they are,
/// anything else as `%` and two digits for each of its bytes. What becomes too long for ledger is cut by `%:` into
/// pieces, each an account below the one before.
#[must_use]
pub fn journal_component(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut begun = 0;
    for c in name.chars() {
        let before = out.len();
        push(&mut out, c, PERCENT, is_plain(c));
        // The mark at its end is of the piece too.
        if out.len() - begun >= JOURNAL_BYTES_MAX {
            out.insert_str(before, CUT);
            begun = before + CUT.len();
        }
    }
    out
}

/// The name that [`journal_component`] was made from; `None` for what it does not make.
#[must_use]
pub fn name_of_journal_component(component: &str) -> Option<String> {
    unescape(&component.replace(CUT, ""), PERCENT)
}

/// A name as a part of a beancount account: ASCII letters and digits as they are, anything else as `-` and two digits
/// for each of its bytes.
///
/// Such a part begins with a capital letter or a digit. So `ann` becomes `Ann`; what begins with anything but a digit
/// or a small letter gets an `X` before it, and so does what begins with `x`, which would look like that.
#[must_use]
pub fn beancount_component(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    let mut rest = name.chars();
    match rest.clone().next() {
        Some(first) if first.is_ascii_lowercase() && first != PREFIX.to_ascii_lowercase() => {
            out.push(first.to_ascii_uppercase());
            rest.next();
        }
        Some(first) if first.is_ascii_digit() => {}
        _ => out.push(PREFIX),
    }
    rest.for_each(|c| push(&mut out, c, DASH, c.is_ascii_alphanumeric()));
    out
}

/// The name that [`beancount_component`] was made from; `None` for what it does not make.
#[must_use]
pub fn name_of_beancount_component(component: &str) -> Option<String> {
    let mut rest = component.chars();
    match rest.next()? {
        PREFIX => unescape(rest.as_str(), DASH),
        first if first.is_ascii_uppercase() => {
            let lower = first.to_ascii_lowercase();
            unescape(rest.as_str(), DASH).map(|rest| format!("{lower}{rest}"))
        }
        first if first.is_ascii_digit() => unescape(component, DASH),
        _ => None,
    }
}

/// A text as a description or the value of a tag of ledger or hledger, on one line.
///
/// As [`journal_component`], but a space between words and some punctuation stay. What would end the value
/// (`,` `;` two spaces), begin another (`:`) or be taken for a date (`[`) does not.
#[must_use]
pub fn journal_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let between_words = c == ' '
            && out.chars().next_back().is_some_and(|before| before != ' ')
            && rest.peek().is_some_and(|after| *after != ' ');
        push(&mut out, c, PERCENT, between_words || is_plain(c) || "/#&'!?()$_".contains(c));
    }
    out
}

/// A text as a string of beancount, quotes included.
#[must_use]
pub fn beancount_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Whether ledger and hledger read it as nothing but itself wherever a name may stand.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "-._@+~".contains(c)
}

fn push(out: &mut String, c: char, mark: char, plain: bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if plain {
        return out.push(c);
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        let digits = [byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)]));
        out.extend([mark, digits[0], digits[1]]);
    }
}

fn unescape(text: &str, mark: char) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split(mark);
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use daybook_core::name::is_valid_name;
    use proptest::prelude::*;

    use super::*;

    /// A name and what becomes of it for ledger and hledger, and for beancount.
    const NAMES: [(&str, &str, &str); 22] = [
        ("ann", "ann", "Ann"),
        ("Ann", "Ann", "XAnn"),
        ("ann@example.com", "ann@example.com", "Ann-40example-2Ecom"),
        ("shop~test", "shop~test", "Shop-7Etest"),
        ("2026", "2026", "2026"),
        ("xavier", "xavier", "Xxavier"),
        ("Xavier", "Xavier", "XXavier"),
        ("avier", "avier", "Avier"),
        ("-a", "-a", "X-2Da"),
        ("-2Da", "-2Da", "X-2D2Da"),
        ("%41", "%2541", "X-2541"),
        ("a b", "a%20b", "A-20b"),
        ("a  b", "a%20%20b", "A-20-20b"),
        (" a", "%20a", "X-20a"),
        ("a:b", "a%3Ab", "A-3Ab"),
        ("a;b", "a%3Bb", "A-3Bb"),
        ("(a)", "%28a%29", "X-28a-29"),
        ("[a]", "%5Ba%5D", "X-5Ba-5D"),
        ("\"a\\", "%22a%5C", "X-22a-5C"),
        ("é", "é", "X-C3-A9"),
        ("田中", "田中", "X-E7-94-B0-E4-B8-AD"),
        ("a🙂\u{a0}", "a%F0%9F%99%82%C2%A0", "A-F0-9F-99-82-C2-A0"),
    ];

    #[test]
    fn names_and_what_becomes_of_them() {
        for (name, journal, beancount) in NAMES {
            assert_eq!(
                (&*journal_component(name), &*beancount_component(name)),
                (journal, beancount),
                "{name}"
            );
        }
    }

    #[test]
    fn long_names_are_cut_for_ledger() {
        let pieces = |name: &str| journal_component(name).split(':').map(str::len).collect::<Vec<_>>();
        for (name, lengths) in [
            ("a".repeat(254), vec![254]),
            ("a".repeat(255), vec![255, 1]),
            (" ".repeat(256), vec![253, 253, 253, 12]),
            ("é".repeat(128), vec![255, 2]),
        ] {
            assert_eq!(pieces(&name), lengths, "{name}");
            assert_eq!(name_of_journal_component(&journal_component(&name)), Some(name));
        }
        // Were the pieces not marked, the second would be an account below the first.
        let (short, long) = ("a".repeat(254), format!("{}Payable", "a".repeat(254)));
        assert!(!journal_component(&long).starts_with(&format!("{}:", journal_component(&short))));
    }

    #[test]
    fn what_is_no_component_has_no_name() {
        for text in ["a%4", "a%zz", "%FF", "%"] {
            assert_eq!(name_of_journal_component(text), None, "{text}");
        }
        for text in ["", "ann", "A-4", "X-FF", "-41"] {
            assert_eq!(name_of_beancount_component(text), None, "{text}");
        }
    }

    #[test]
    fn texts_stay_one_value_on_one_line() {
        for (text, journal, beancount) in [
            ("Blue shirt", "Blue shirt", "\"Blue shirt\""),
            (" a  b ", "%20a%20 b%20", "\" a  b \""),
            ("a, date:2026-01-01", "a%2C date%3A2026-01-01", "\"a, date:2026-01-01\""),
            ("[2026-01-01]", "%5B2026-01-01%5D", "\"[2026-01-01]\""),
            ("a;b|c", "a%3Bb%7Cc", "\"a;b|c\""),
            ("say \"no\\\"", "say %22no%5C%22", "\"say \\\"no\\\\\\\"\""),
            ("50 % off", "50 %25 off", "\"50 % off\""),
        ] {
            assert_eq!((&*journal_text(text), &*beancount_text(text)), (journal, beancount), "{text}");
        }
    }

    /// Names as the rules allow them, with what is odd more often than it would come.
    fn name() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(" :;%-xX0()[]\"\\@~é🙂\u{a0}".chars().collect::<Vec<_>>());
        let any = any::<char>().prop_filter("control characters are refused", |c| !c.is_control());
        let name = prop::collection::vec(prop_oneof![odd, any, prop::char::range('!', '~')], 1..60);
        (name, 1..8_usize)
            .prop_map(|(name, times)| String::from_iter(name).repeat(times))
            .prop_filter("they have an end", |name| is_valid_name(name))
    }

    proptest! {
        /// What can be read back can't be two names' own.
        #[test]
        fn every_name_can_be_read_back(name in name()) {
            prop_assert_eq!(name_of_journal_component(&journal_component(&name)), Some(name.clone()));
            prop_assert_eq!(name_of_beancount_component(&beancount_component(&name)), Some(name.clone()));
            prop_assert_eq!(unescape(&journal_text(&name), PERCENT), Some(name));
        }

        #[test]
        fn components_hold_only_what_the_tools_permit(name in name()) {
            let journal = journal_component(&name);
            let permitted = |c: char| c.is_alphanumeric() || "-._@+~%".contains(c);
            for piece in journal.split(':') {
                prop_assert!((1..=JOURNAL_BYTES_MAX).contains(&piece.len()) && piece.chars().all(permitted));
            }
            let beancount = beancount_component(&name);
            let mut chars = beancount.chars();
            prop_assert!(chars.next().is_some_and(|c| c.is_ascii_uppercase() || c.is_ascii_digit()));
            prop_assert!(chars.all(|c| c.is_ascii_alphanumeric() || c == '-'), "{}", beancount);
        }

        #[test]
        fn texts_hold_nothing_that_ends_them(name in name()) {
            let text = journal_text(&name);
            prop_assert!(!text.contains(['\n', ';', ',', ':', '[', ']', '|', '"']) && !text.contains("  "));
            prop_assert_eq!(text.trim(), &text);
        }
    }
}
