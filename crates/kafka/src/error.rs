//! What can go wrong with a producer.

use std::ffi::CStr;

use rdkafka_sys as sys;

/// Why a producer could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// The client can't be made: a property is wrong.
    #[error("failed to set up the producer: {0}")]
    Setup(String),
    /// The transaction can't be committed.
    #[error("transaction can't be committed: {0}")]
    Abortable(String),
    /// It did not work in the time given; what the broker has done is unknown.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// This producer can't be used any more: another one has taken its transactional id, or a record was lost.
    #[error("producer can't go on: {0}")]
    Fatal(String),
    /// A record of so many bytes is larger than its topic takes: no attempt will bring it there.
    #[error("a record of {0} bytes is larger than its topic takes (max.message.bytes)")]
    TooLarge(usize),
    /// The broker has refused a record, or could not be reached for too long.
    #[error("record not delivered: {0}")]
    NotDelivered(String),
}

/// Takes over an error object of librdkafka; null is success.
pub(crate) fn taken(error: *mut sys::rd_kafka_error_t) -> Result<(), ProducerError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: not null, so it is an error object, which belongs to the caller until it is destroyed here.
    unsafe {
        let text = CStr::from_ptr(sys::rd_kafka_error_string(error)).to_string_lossy().into_owned();
        let name = CStr::from_ptr(sys::rd_kafka_error_name(error)).to_string_lossy().into_owned();
        let what = format!("{text} ({name})");
        let error_is_fatal = sys::rd_kafka_error_is_fatal(error) != 0;
        let requires_abort = sys::rd_kafka_error_txn_requires_abort(error) != 0;
        sys::rd_kafka_error_destroy(error);
        Err(match (error_is_fatal, requires_abort) {
            (true, _) => ProducerError::Fatal(what),
            (false, true) => ProducerError::Abortable(what),
            (false, false) => ProducerError::Unknown(what),
        })
    }
}
