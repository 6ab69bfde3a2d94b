//! Several measurements of one thing.

use std::fmt;

/// The least, the middle and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of some figures; `None` where there is none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = sorted.len() / 2;
        let lower = sorted.len().div_ceil(2) - 1;
        Some(Self { min, median: f64::midpoint(sorted[lower], sorted[upper]), max })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, median, max } = *self;
        // Three digits are more than the spread bears.
        let shown = |figure: f64| match max {
            _ if max >= 1_000_000.0 => format!("{:.2}M", figure / 1e6),
            _ if max >= 10_000.0 => format!("{:.1}k", figure / 1e3),
            _ if max >= 100.0 => format!("{figure:.0}"),
            _ if max >= 10.0 => format!("{figure:.1}"),
            _ => format!("{figure:.2}"),
        };
        write!(f, "{} / **{}** / {}", shown(min), shown(median), shown(max))
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_middle() {
        let median = |figures: &[f64]| Spread::of(figures.iter().copied()).map(|spread| spread.median);
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(median(&[3.0, 1.0, 9.0]), Some(3.0));
    }

    #[test]
    fn as_it_is_shown() {
        let shown = |figures: [f64; 3]| Spread::of(figures).map(|spread| spread.to_string());
        assert_eq!(shown([98_000.0, 90_000.0, 101_234.0]).as_deref(), Some("90.0k / **98.0k** / 101.2k"));
        assert_eq!(shown([1.0, 2.0, 3.456]).as_deref(), Some("1.00 / **2.00** / 3.46"));
    }
}
