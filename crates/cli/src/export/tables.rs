//! Reports as tables for the terminal.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table, TableComponent};
use daybook_core::money::decimal_text;
use daybook_report::balance_sheet::BalanceSheet;
use daybook_report::client_profile::ClientProfile;

/// A row for each provider and currency; what expenses are made of is left to the JSON.
pub fn balance_sheets(sheets: &[BalanceSheet]) -> Table {
    let names = ["Provider", "Currency"];
    let figures = ["Assets", "Income", "Expenses", "Liabilities", "Fees", "Receivable"];
    let rows = sheets.iter().map(|sheet| {
        let figures = [
            sheet.assets_minor,
            sheet.income_minor,
            sheet.expenses_minor,
            sheet.liabilities_minor,
            sheet.fees_minor,
            sheet.receivable_minor,
        ];
        ([&sheet.provider, &sheet.currency].map(String::clone), sheet.minor_digits, figures)
    });
    table(names, figures, rows)
}

/// A row for each project, client and currency.
pub fn client_profiles(profiles: &[ClientProfile]) -> Table {
    let names = ["Project", "Client", "Currency"];
    let figures = ["Value", "Payable", "Acquisition and Retention", "Dispute"];
    let rows = profiles.iter().map(|profile| {
        let figures =
            [profile.value_minor, profile.payable_minor, profile.acquisition_minor, profile.dispute_minor];
        let names = [&profile.project_id, &profile.customer, &profile.currency].map(String::clone);
        (names, profile.minor_digits, figures)
    });
    table(names, figures, rows)
}

/// Names to the left, figures of minor units to the right.
fn table<const N: usize, const F: usize>(
    names: [&str; N],
    figures: [&str; F],
    rows: impl Iterator<Item = ([String; N], u32, [i128; F])>,
) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    // No lines between rows.
    table.remove_style(TableComponent::HorizontalLines).remove_style(TableComponent::MiddleIntersections);
    table.set_header(names.into_iter().chain(figures));
    for (names, digits, figures) in rows {
        table.add_row(names.into_iter().chain(figures.map(|figure| decimal_text(figure, digits))));
    }
    table.column_iter_mut().skip(N).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_in_columns_with_their_currency_s_digits() {
        let sheet = |provider: &str, currency: &str, minor_digits, assets_minor| BalanceSheet {
            provider: provider.to_owned(),
            currency: currency.to_owned(),
            minor_digits,
            assets_minor,
            ..BalanceSheet::default()
        };
        let text =
            balance_sheets(&[sheet("shop", "USD", 2, -1_234), sheet("田中", "JPY", 0, 10)]).to_string();
        let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(cells.iter().any(|row| row.starts_with(&["shop", "USD", "-12.34", "0.00"])), "{text}");
        assert!(cells.iter().any(|row| row.starts_with(&["田中", "JPY", "10", "0"])), "{text}");
    }
}
