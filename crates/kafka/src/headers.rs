//! Record headers as librdkafka takes them.

use std::ffi::c_void;
use std::ptr::NonNull;

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
