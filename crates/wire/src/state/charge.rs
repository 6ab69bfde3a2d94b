//! Charges as bytes of the state store.

use daybook_core::charge::{Accepted, Charge, Cleared};
use daybook_core::charge_state::ChargeState;
use daybook_core::fold::{Fold, Transaction};
use daybook_core::rewards::Points;
use daybook_core::splits::{Owner, Sharing, Standing};

use super::{put_identity, put_list, put_partner, read_identity, read_list, read_partner};
use crate::binary::{Malformed, Reader, put_count, put_long, put_option, put_str};
use crate::journal::{put_decimal, put_event, read_decimal, read_event};

pub(super) fn put_charge(out: &mut Vec<u8>, charge: &Charge) {
    put_list(out, charge.history.iter(), |out, accepted| {
        put_event(out, &accepted.event);
        put_long(out, accepted.occurred_at_ms);
        put_option(out, accepted.amount_minor, put_long);
        put_option(out, accepted.fee_minor, put_long);
        put_option(out, accepted.fee_returned_minor, put_long);
        put_long(out, accepted.settings.into());
        put_option(out, accepted.source_timestamp_ms, put_long);
        put_count(out, accepted.entry_number);
    });
    put_list(out, charge.cleared.iter(), |out, cleared| {
        put_identity(out, &cleared.pending);
        put_count(out, cleared.entry_number);
    });
    put_fold(out, &charge.fold);
    put_long(out, charge.recorded_at_ms);
    put_count(out, charge.journal_sequence);
}

/// Reads a charge.
#[allow(clippy::missing_errors_doc)]
pub fn read_charge(bytes: &[u8]) -> Result<Charge, Malformed> {
    let mut r = Reader::new(bytes);
    let charge = Charge {
        history: read_list(&mut r, |r| {
            Ok(Accepted {
                event: read_event(r)?,
                occurred_at_ms: r.long()?,
                amount_minor: r.option(Reader::long)?,
                fee_minor: r.option(Reader::long)?,
                fee_returned_minor: r.option(Reader::long)?,
                settings: r.int()?,
                source_timestamp_ms: r.option(Reader::long)?,
                entry_number: r.count()?,
            })
        })?,
        cleared: read_list(&mut r, |r| Ok(Cleared { pending: read_identity(r)?, entry_number: r.count()? }))?,
        fold: read_fold(&mut r)?,
        recorded_at_ms: r.long()?,
        journal_sequence: r.count()?,
    };
    r.end()?;
    Ok(charge)
}

fn put_fold(out: &mut Vec<u8>, fold: &Fold) {
    for figure in [
        fold.invoiced,
        fold.paid,
        fold.written,
        fold.fees,
        fold.fees_returned,
        fold.refunded,
        fold.charged_back,
        fold.disputed,
    ] {
        put_long(out, figure);
    }
    put_list(out, fold.open.iter(), |out, (transaction, amount_minor)| {
        put_transaction(out, transaction);
        put_long(out, *amount_minor);
    });
    put_long(out, fold.open_minor);
    put_list(out, fold.paid_transactions.iter(), put_transaction);
    put_list(out, fold.refunded_by.iter(), |out, (name, refunded)| {
        put_str(out, name);
        put_long(out, *refunded);
    });
    put_option(out, fold.first_payment.as_ref(), |out, (time_ms, processor)| {
        put_long(out, *time_ms);
        put_str(out, processor);
    });
    out.push(fold.failed.into());
    put_long(out, fold.points.pending);
    put_long(out, fold.points.available);
    out.push(fold.state as u8);
    put_option(out, fold.sharing.as_deref(), |out, sharing| {
        put_partner(out, &sharing.owner.partner);
        put_decimal(out, sharing.owner.percentage);
        put_list(out, sharing.standings.iter(), |out, standing| {
            put_partner(out, &standing.partner);
            put_decimal(out, standing.percentage);
            put_long(out, standing.allocated_minor);
            put_long(out, standing.stands_at_minor);
        });
    });
}

fn read_fold(r: &mut Reader<'_>) -> Result<Fold, Malformed> {
    Ok(Fold {
        invoiced: r.long()?,
        paid: r.long()?,
        written: r.long()?,
        fees: r.long()?,
        fees_returned: r.long()?,
        refunded: r.long()?,
        charged_back: r.long()?,
        disputed: r.long()?,
        open: read_list(r, |r| Ok((read_transaction(r)?, r.long()?)))?.into_iter().collect(),
        open_minor: r.long()?,
        paid_transactions: read_list(r, read_transaction)?.into_iter().collect(),
        refunded_by: read_list(r, |r| Ok((r.name()?, r.long()?)))?.into_iter().collect(),
        first_payment: r.option(|r| Ok((r.long()?, r.name()?)))?,
        failed: r.byte()? != 0,
        points: Points { pending: r.long()?, available: r.long()? },
        state: {
            let state = usize::from(r.byte()?);
            ChargeState::ALL.get(state).copied().ok_or_else(|| r.malformed("a charge's state"))?
        },
        sharing: r.option(|r| {
            let owner = Owner { partner: read_partner(r)?, percentage: read_decimal(r)? };
            let standings = read_list(r, |r| {
                Ok(Standing {
                    partner: read_partner(r)?,
                    percentage: read_decimal(r)?,
                    allocated_minor: r.long()?,
                    stands_at_minor: r.long()?,
                })
            })?;
            Ok(Box::new(Sharing { owner, standings }))
        })?,
    })
}

fn put_transaction(out: &mut Vec<u8>, transaction: &Transaction) {
    match transaction {
        Transaction::Named(name) => {
            out.push(0);
            put_str(out, name);
        }
        Transaction::Own(identity) => {
            out.push(1);
            put_identity(out, identity);
        }
    }
}

fn read_transaction(reader: &mut Reader<'_>) -> Result<Transaction, Malformed> {
    match reader.byte()? {
        0 => Ok(Transaction::Named(reader.name()?)),
        1 => Ok(Transaction::Own(read_identity(reader)?)),
        _ => Err(reader.malformed("a transaction")),
    }
}
