//! What is billed and not yet paid, by the day of purchase.

use std::collections::BTreeMap;

use jiff::civil::Date;

/// Names of the ages of a day, each with the number of days that it begins with.
pub(crate) const AGES: [(&str, i32); 4] = [("0-1d", 0), ("1-7d", 1), ("7-30d", 7), ("30d+", 30)];

/// Outstanding amounts of a project in minor units, by currency and day. Days on which nothing is outstanding are left
/// out; currencies stay.
#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<String, BTreeMap<Date, i64>>);

impl Pending {
    pub(super) fn put(&mut self, currency: String, day: Date, minor: i64) {
        let days = self.0.entry(currency).or_default();
        if minor == 0 {
            days.remove(&day);
        } else {
            days.insert(day, minor);
        }
    }

    /// Currency, age and amount, of every age. A sum that is too large for a gauge is the largest that fits.
    pub(super) fn by_age(&self, today: Date) -> impl Iterator<Item = (String, &'static str, i64)> {
        self.0.iter().flat_map(move |(currency, days)| {
            let mut sums = AGES.map(|(name, _)| (name, 0_i128));
            for (day, minor) in days {
                let age = (today - *day).get_days();
                // Where the project is, it may be tomorrow already: that day is of the first age.
                let of = AGES.iter().rposition(|(_, from)| age >= *from).unwrap_or(0);
                sums[of].1 += i128::from(*minor);
            }
            sums.map(|(name, sum)| (currency.clone(), name, i64::try_from(sum).unwrap_or(i64::MAX)))
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::Pending;

    #[test]
    fn ages_are_those_of_days() {
        let today = date(2026, 3, 1);
        for (day, age) in [
            (date(2026, 3, 2), "0-1d"),
            (date(2026, 3, 1), "0-1d"),
            (date(2026, 2, 28), "1-7d"),
            (date(2026, 2, 23), "1-7d"),
            (date(2026, 2, 22), "7-30d"),
            (date(2026, 1, 31), "7-30d"),
            (date(2026, 1, 30), "30d+"),
            (date(2020, 1, 1), "30d+"),
        ] {
            let mut pending = Pending::default();
            pending.put("USD".to_owned(), day, 5);
            let sums = |pending: &Pending| {
                pending.by_age(today).map(|(_, age, minor)| (age, minor)).collect::<Vec<_>>()
            };
            let found: Vec<_> = sums(&pending).into_iter().filter(|(_, minor)| *minor != 0).collect();
            assert_eq!(found, [(age, 5)], "{day}");
            pending.put("USD".to_owned(), day, 0);
            assert_eq!(
                sums(&pending).into_iter().map(|(_, minor)| minor).collect::<Vec<_>>(),
                [0; 4],
                "{day}"
            );
        }
    }
}
