//! The producer.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;
use rdkafka_sys::types::RDKafkaType;

use crate::error::{ProducerError, taken};
use crate::headers::NativeHeaders;

/// Name and value of each header, in order.
pub type Headers = [(String, Vec<u8>)];

/// librdkafka's `RD_KAFKA_PARTITION_UA`: the partitioner decides.
const BY_KEY: i32 = -1;

/// How long to wait for room in a full queue before delivery errors are looked for again.
const ROOM_WAIT: Duration = Duration::from_millis(10);
/// How long a queue may stay full.
const ROOM_LIMIT: Duration = Duration::from_secs(30);

/// A record on its way out. Everything is copied.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Partition; `None`: by key, as Java clients do (murmur2), or any where there is no key.
    pub partition: Option<i32>,
    /// The key; empty is none.
    pub key: &'a [u8],
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers.
    pub headers: &'a Headers,
    /// Unix milliseconds; `None`: now.
    pub timestamp_ms: Option<i64>,
}

/// Where a group goes on in a partition: the offset of the next record to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Full name of the topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset of the next record.
    pub offset: i64,
}

/// A topic to produce to, for the producer that gave it.
pub struct TopicHandle {
    topic: NonNull<sys::rd_kafka_topic_t>,
    /// librdkafka wants its topics to be gone before their client is.
    _client: Arc<Client<DefaultClientContext>>,
}

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl Send for TopicHandle {}

impl Drop for TopicHandle {
    fn drop(&mut self) {
        // SAFETY: the handle is owned, and its client is alive: it is dropped after this.
        unsafe { sys::rd_kafka_topic_destroy(self.topic.as_ptr()) }
    }
}

/// A producer whose delivery reports are events, of errors alone.
pub struct Producer {
    client: Arc<Client<DefaultClientContext>>,
}

impl Producer {
    /// A producer by `config`; idempotence and acknowledgement by all replicas are not its caller's choice.
    ///
    /// # Errors
    /// [`ProducerError::Setup`] where a property is wrong.
    pub fn new(config: &ClientConfig) -> Result<Self, ProducerError> {
        let mut config = config.clone();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("delivery.report.only.error", "true")
            // A lost record must not be followed by the next one.
            .set("enable.gapless.guarantee", "true")
            // As Java clients choose partitions.
            .set("partitioner", "murmur2_random")
            // The default of 100 ms is what back-to-back transactions wait for CONCURRENT_TRANSACTIONS.
            .set("retry.backoff.ms", "1");
        let setup = |e: rdkafka::error::KafkaError| ProducerError::Setup(e.to_string());
        let native = config.create_native_config().map_err(setup)?;
        // SAFETY: the configuration is alive; only then does the flush inside a commit wait on a condition variable
        // instead of sleeping in slices.
        unsafe {
            sys::rd_kafka_conf_set_events(native.ptr(), sys::RD_KAFKA_EVENT_DR | sys::RD_KAFKA_EVENT_ERROR)
        };
        let client = Client::new(&config, native, RDKafkaType::RD_KAFKA_PRODUCER, DefaultClientContext)
            .map_err(setup)?;
        Ok(Self { client: Arc::new(client) })
    }

    fn native(&self) -> *mut sys::rd_kafka_t {
        self.client.native_ptr()
    }

    /// A topic to produce to.
    ///
    /// # Errors
    /// [`ProducerError::Setup`] where the name can't be one.
    pub fn topic(&self, name: &str) -> Result<TopicHandle, ProducerError> {
        let wrong = || ProducerError::Setup(format!("{name:?} is no topic's name"));
        let name_c = CString::new(name).map_err(|_| wrong())?;
        // SAFETY: client and name are alive; a null configuration means the defaults.
        let topic = unsafe { sys::rd_kafka_topic_new(self.native(), name_c.as_ptr(), null_mut()) };
        let topic = NonNull::new(topic).ok_or_else(wrong)?;
        Ok(TopicHandle { topic, _client: Arc::clone(&self.client) })
    }

    /// Queues a record; waits while the queue is full.
    ///
    /// # Errors
    /// What has become of earlier records, or why this one can't be sent at all (too large, for example).
    pub fn send(&self, topic: &TopicHandle, record: &Outgoing<'_>) -> Result<(), ProducerError> {
        let mut full_since = None;
        loop {
            let code = self.enqueue(topic, record);
            if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Ok(());
            }
            if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE {
                return Err(ProducerError::TooLarge(record.value.map_or(0, <[u8]>::len)));
            }
            if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL {
                return Err(ProducerError::NotDelivered(describe(code)));
            }
            if full_since.get_or_insert_with(Instant::now).elapsed() > ROOM_LIMIT {
                return Err(ProducerError::NotDelivered(
                    "the queue stays full: no broker takes records".to_owned(),
                ));
            }
            self.serve(ROOM_WAIT)?;
        }
    }

    fn enqueue(&self, topic: &TopicHandle, record: &Outgoing<'_>) -> sys::rd_kafka_resp_err_t {
        use sys::rd_kafka_vtype_t as vtype;
        let headers = NativeHeaders::of(record.headers);
        let bytes = |bytes: &[u8]| sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
            ptr: bytes.as_ptr().cast_mut().cast::<c_void>(),
            size: bytes.len(),
        };
        let nothing = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr: null_mut(), size: 0 };
        let value = sys::rd_kafka_vu_s__bindgen_ty_1 { mem: record.value.map_or(nothing, bytes) };
        let key = if record.key.is_empty() { nothing } else { bytes(record.key) };
        let flags = c_int::try_from(sys::RD_KAFKA_MSG_F_COPY).unwrap_or(c_int::MAX);
        let vu = |vtype, u| sys::rd_kafka_vu_t { vtype, u };
        let mut arguments = [
            vu(vtype::RD_KAFKA_VTYPE_RKT, sys::rd_kafka_vu_s__bindgen_ty_1 { rkt: topic.topic.as_ptr() }),
            vu(
                vtype::RD_KAFKA_VTYPE_PARTITION,
                sys::rd_kafka_vu_s__bindgen_ty_1 { i32_: record.partition.unwrap_or(BY_KEY) },
            ),
            vu(vtype::RD_KAFKA_VTYPE_MSGFLAGS, sys::rd_kafka_vu_s__bindgen_ty_1 { i: flags }),
            vu(vtype::RD_KAFKA_VTYPE_VALUE, value),
            vu(vtype::RD_KAFKA_VTYPE_KEY, sys::rd_kafka_vu_s__bindgen_ty_1 { mem: key }),
            // 0 is librdkafka's word for now.
            vu(
                vtype::RD_KAFKA_VTYPE_TIMESTAMP,
                sys::rd_kafka_vu_s__bindgen_ty_1 { i64_: record.timestamp_ms.unwrap_or(0) },
            ),
            vu(
                vtype::RD_KAFKA_VTYPE_HEADERS,
                sys::rd_kafka_vu_s__bindgen_ty_1 {
                    headers: headers.as_ref().map_or(null_mut(), NativeHeaders::as_ptr),
                },
            ),
        ];
        let count = if headers.is_some() { arguments.len() } else { arguments.len() - 1 };
        // SAFETY: each argument's value is of the kind its type says; key and value are copied before this returns;
        // the headers are taken over where it succeeds and stay ours where it does not.
        let error = unsafe { sys::rd_kafka_produceva(self.native(), arguments.as_mut_ptr(), count) };
        if error.is_null() {
            headers.into_iter().for_each(NativeHeaders::handed_over);
            return sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        }
        // SAFETY: not null: an error object that is ours to destroy.
        unsafe {
            let code = sys::rd_kafka_error_code(error);
            sys::rd_kafka_error_destroy(error);
            code
        }
    }

    /// Waits until everything queued is acknowledged, at most `limit`.
    ///
    /// # Errors
    /// [`ProducerError::Unknown`] where it takes longer; what has become of records that failed.
    pub fn flush(&self, limit: Duration) -> Result<(), ProducerError> {
        let until = Instant::now() + limit;
        loop {
            // Reports of failed records have to be taken out, or a flush waits for them.
            self.serve(Duration::ZERO)?;
            let slice = Duration::from_millis(500).min(until.saturating_duration_since(Instant::now()));
            // SAFETY: the client is alive.
            let code = unsafe { sys::rd_kafka_flush(self.native(), millis(slice)) };
            if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return self.serve(Duration::ZERO);
            }
            if Instant::now() >= until {
                return Err(ProducerError::Unknown(format!(
                    "records were not acknowledged within {} s",
                    limit.as_secs()
                )));
            }
        }
    }

    /// Takes delivery reports and errors out of the queue, waiting for the first at most `wait`.
    ///
    /// # Errors
    /// The first that is an error of a record, or fatal to the producer.
    pub fn serve(&self, wait: Duration) -> Result<(), ProducerError> {
        // SAFETY: the client is alive; the queue is released below.
        let queue = unsafe { sys::rd_kafka_queue_get_main(self.native()) };
        let mut outcome = Ok(());
        let mut wait = wait;
        loop {
            // SAFETY: the queue is alive; an event is destroyed after it was looked at.
            let event = unsafe { sys::rd_kafka_queue_poll(queue, millis(wait)) };
            if event.is_null() {
                break;
            }
            wait = Duration::ZERO;
            // SAFETY: the event is alive until it is destroyed, once.
            let seen = unsafe {
                let seen = event_outcome(event);
                sys::rd_kafka_event_destroy(event);
                seen
            };
            outcome = outcome.and(seen);
        }
        // SAFETY: gotten above.
        unsafe { sys::rd_kafka_queue_destroy(queue) };
        outcome
    }

    /// Registers the transactional id: earlier producers of it are fenced, and what they left open is settled.
    ///
    /// # Errors
    /// [`ProducerError`].
    pub fn init_transactions(&self, limit: Duration) -> Result<(), ProducerError> {
        // SAFETY: the client is alive; so in the calls below.
        taken(unsafe { sys::rd_kafka_init_transactions(self.native(), millis(limit)) })
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`ProducerError`].
    pub fn begin(&self) -> Result<(), ProducerError> {
        // SAFETY: as above.
        taken(unsafe { sys::rd_kafka_begin_transaction(self.native()) })
    }

    /// Adds a group's offsets to the transaction, with the live metadata of its member: a member that is not of the
    /// group's current generation is refused (KIP-447).
    ///
    /// # Errors
    /// [`ProducerError`].
    pub fn send_offsets<C: ConsumerContext>(
        &self,
        offsets: &[Offset],
        member: &BaseConsumer<C>,
        limit: Duration,
    ) -> Result<(), ProducerError> {
        if member.assignment_lost() {
            return Err(ProducerError::Abortable("the group has given the partitions to others".to_owned()));
        }
        // SAFETY: the client is alive; the metadata is destroyed by what it is handed to, or here.
        let metadata = unsafe { sys::rd_kafka_consumer_group_metadata(member.client().native_ptr()) };
        // SAFETY: asked of metadata that is not null.
        if !metadata.is_null() && unsafe { sys::rd_kafka_consumer_group_metadata_generation_id(metadata) } < 0
        {
            // SAFETY: ours, and not used any more.
            unsafe { sys::rd_kafka_consumer_group_metadata_destroy(metadata) };
            // A broker takes such offsets for those of somebody outside the group, and refuses nothing.
            return Err(ProducerError::Abortable("the consumer is in no generation of its group".to_owned()));
        }
        self.send_offsets_as(offsets, metadata, limit)
    }

    /// Adds a group's offsets to the transaction as nobody of the group: nothing is refused.
    ///
    /// # Errors
    /// [`ProducerError`].
    #[cfg(feature = "negative-controls")]
    pub fn send_offsets_unfenced(
        &self,
        offsets: &[Offset],
        group: &str,
        limit: Duration,
    ) -> Result<(), ProducerError> {
        let group = CString::new(group).unwrap_or_default();
        // SAFETY: the name is copied.
        let metadata = unsafe { sys::rd_kafka_consumer_group_metadata_new(group.as_ptr()) };
        self.send_offsets_as(offsets, metadata, limit)
    }

    fn send_offsets_as(
        &self,
        offsets: &[Offset],
        metadata: *mut sys::rd_kafka_consumer_group_metadata_t,
        limit: Duration,
    ) -> Result<(), ProducerError> {
        if metadata.is_null() {
            return Err(ProducerError::Setup("the consumer is in no group".to_owned()));
        }
        let count = c_int::try_from(offsets.len()).unwrap_or(c_int::MAX);
        // SAFETY: the list is made and destroyed here, the metadata is not null and destroyed here; names are copied.
        unsafe {
            let list = sys::rd_kafka_topic_partition_list_new(count);
            for offset in offsets {
                if let Ok(topic) = CString::new(offset.topic.as_str()) {
                    let added =
                        sys::rd_kafka_topic_partition_list_add(list, topic.as_ptr(), offset.partition);
                    (*added).offset = offset.offset;
                }
            }
            let sent =
                sys::rd_kafka_send_offsets_to_transaction(self.native(), list, metadata, millis(limit));
            sys::rd_kafka_topic_partition_list_destroy(list);
            sys::rd_kafka_consumer_group_metadata_destroy(metadata);
            taken(sent)
        }
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// [`ProducerError::Unknown`]: it may be committed or not.
    pub fn commit(&self, limit: Duration) -> Result<(), ProducerError> {
        let committed =
            // SAFETY: as above.
            taken(unsafe { sys::rd_kafka_commit_transaction(self.native(), millis(limit)) });
        self.serve(Duration::ZERO).and(committed)
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // What was not flushed was not promised: destroying must not wait for it.
        // SAFETY: the client is alive: this holds it.
        unsafe {
            sys::rd_kafka_purge(
                self.native(),
                sys::RD_KAFKA_PURGE_F_QUEUE
                    | sys::RD_KAFKA_PURGE_F_INFLIGHT
                    | sys::RD_KAFKA_PURGE_F_NON_BLOCKING,
            );
        }
    }
}

/// What an event of the main queue says.
///
/// # Safety
/// The event is alive.
unsafe fn event_outcome(event: *mut sys::rd_kafka_event_t) -> Result<(), ProducerError> {
    // SAFETY: alive by the contract; messages belong to the event.
    unsafe {
        match sys::rd_kafka_event_type(event) {
            sys::RD_KAFKA_EVENT_DR => {
                let mut outcome = Ok(());
                loop {
                    let message = sys::rd_kafka_event_message_next(event);
                    if message.is_null() {
                        return outcome;
                    }
                    let code = (*message).err;
                    if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE {
                        return Err(ProducerError::TooLarge((*message).len));
                    }
                    if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && outcome.is_ok() {
                        outcome = Err(ProducerError::NotDelivered(describe(code)));
                    }
                }
            }
            sys::RD_KAFKA_EVENT_ERROR => {
                let text = CStr::from_ptr(sys::rd_kafka_event_error_string(event)).to_string_lossy();
                if sys::rd_kafka_event_error_is_fatal(event) != 0
                    || sys::rd_kafka_event_error(event) == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__FATAL
                {
                    return Err(ProducerError::Fatal(text.into_owned()));
                }
                tracing::warn!(error = %text, "kafka producer");
                Ok(())
            }
            sys::RD_KAFKA_EVENT_LOG => {
                let (mut facility, mut text, mut level) = (std::ptr::null(), std::ptr::null(), 0);
                if sys::rd_kafka_event_log(event, &raw mut facility, &raw mut text, &raw mut level) == 0 {
                    let text = CStr::from_ptr(text).to_string_lossy();
                    tracing::debug!(level, "kafka producer: {text}");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn describe(code: sys::rd_kafka_resp_err_t) -> String {
    // SAFETY: librdkafka's descriptions are static.
    unsafe { CStr::from_ptr(sys::rd_kafka_err2str(code)) }.to_string_lossy().into_owned()
}

fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}
