//! Record headers as librdkafka takes and gives them.

use std::ffi::{CStr, c_void};
use std::ptr::{NonNull, null, null_mut};

use rdkafka::message::BorrowedMessage;

use rdkafka_sys as sys;

/// Headers on their way into a record; freed where they do not get there.
pub(crate) struct NativeHeaders(NonNull<sys::rd_kafka_headers_t>);

impl NativeHeaders {
    /// Copies headers; `None` where there is none.
    pub(crate) fn of(headers: &[(String, Vec<u8>)]) -> Option<Self> {
        if headers.is_empty() {
            return None;
        }
        // SAFETY: only allocates.
        let native = NonNull::new(unsafe { sys::rd_kafka_headers_new(headers.len()) })?;
        for (name, value) in headers {
            let (Ok(name_len), Ok(value_len)) = (isize::try_from(name.len()), isize::try_from(value.len()))
            else {
                continue;
            };
            // SAFETY: the list is alive, and name and value are copied with the lengths given.
            unsafe {
                sys::rd_kafka_header_add(
                    native.as_ptr(),
                    name.as_ptr().cast(),
                    name_len,
                    value.as_ptr().cast::<c_void>(),
                    value_len,
                );
            }
        }
        Some(Self(native))
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::rd_kafka_headers_t {
        self.0.as_ptr()
    }

    /// The record owns them now.
    pub(crate) fn handed_over(self) {
        std::mem::forget(self);
    }
}

impl Drop for NativeHeaders {
    fn drop(&mut self) {
        // SAFETY: owned, and not handed over.
        unsafe { sys::rd_kafka_headers_destroy(self.0.as_ptr()) }
    }
}

/// The headers of a record, in order. A name may be any bytes: what of it is no text is replaced, where rust-rdkafka's
/// own accessors would panic.
#[must_use]
pub fn headers_of(message: &BorrowedMessage<'_>) -> Vec<(String, Vec<u8>)> {
    let mut native = null_mut();
    // SAFETY: the message is alive; its headers belong to it.
    let code = unsafe { sys::rd_kafka_message_headers(message.ptr(), &raw mut native) };
    let mut headers = Vec::new();
    if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || native.is_null() {
        return headers;
    }
    loop {
        let (mut name, mut value, mut size) = (null(), null(), 0);
        // SAFETY: the headers are alive as long as the message; beyond the last one an error is given.
        let code = unsafe {
            sys::rd_kafka_header_get_all(native, headers.len(), &raw mut name, &raw mut value, &raw mut size)
        };
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return headers;
        }
        // SAFETY: the name ends with NUL, the value has `size` bytes; both are copied.
        let header = unsafe {
            let bytes =
                if value.is_null() { &[] } else { std::slice::from_raw_parts(value.cast::<u8>(), size) };
            (CStr::from_ptr(name).to_string_lossy().into_owned(), bytes.to_vec())
        };
        headers.push(header);
    }
}
