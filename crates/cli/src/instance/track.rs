//! The Track API's way to `charges`, and the operator's to settings and topics.

use std::future::Future;
use std::pin::Pin;

use daybook_server::{
    Gateway as HttpGateway, GatewayError, GatewayRecord, RecordsError, RejectedItem, SettingsError,
    TopicError, TopicPage, TopicRecord, Validation,
};
use daybook_stream::clock::{Clock, SystemClock};
use daybook_stream::decoder::{Decoder, PROJECT_HEADER, SOURCE_HEADER, position};
use daybook_stream::gateway::{AppendError, Gateway};
use daybook_stream::local::LocalLog;
use daybook_stream::log::Limit;
use daybook_stream::record::{Fetched, Record};
use daybook_wire::topic::Topic;

use super::backend::Backend;
use super::follow::PAGE;

/// The Track API's way to `charges`.
pub struct TrackGateway {
    /// Where records go.
    pub gateway: Gateway,
    /// Where they are read back.
    pub backend: Backend,
    /// Looks at them before.
    pub decoder: Decoder,
}

impl TrackGateway {
    fn append_to(
        &self,
        topic: Topic,
        record: Record,
    ) -> Pin<Box<dyn Future<Output = Result<(), GatewayError>> + Send + '_>> {
        let (done, told) = tokio::sync::oneshot::channel();
        // Whoever asked may be gone by the time it is told.
        self.gateway.append(topic, record, Box::new(move |outcome| drop(done.send(outcome))));
        Box::pin(async move {
            match told.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(AppendError::Closed)) | Err(_) => Err(GatewayError::Draining),
                Ok(Err(error)) => Err(GatewayError::Unavailable(error.to_string())),
            }
        })
    }
}

impl HttpGateway for TrackGateway {
    fn validate(&self, project: &str, body: &[u8]) -> Validation {
        let record = Record {
            value: body.to_vec(),
            headers: vec![(PROJECT_HEADER.to_owned(), project.into())],
            ..Record::default()
        };
        let taken = self.decoder.charges(&record, &position(Topic::Charges.name(), 0, 0), |_| Some(0));
        let rejected = taken.refused.into_iter().map(|(rejection, _, _)| RejectedItem {
            path: rejection.path.to_string(),
            reason: rejection.reason.code(),
            detail: rejection.reason.meaning().to_owned(),
        });
        let accepted = u32::try_from(taken.journal.len()).unwrap_or(u32::MAX);
        Validation { accepted, rejected: rejected.collect() }
    }

    fn append(
        &self,
        record: GatewayRecord,
    ) -> Pin<Box<dyn Future<Output = Result<(), GatewayError>> + Send + '_>> {
        let mut headers = vec![
            (PROJECT_HEADER.to_owned(), record.project.clone().into()),
            (SOURCE_HEADER.to_owned(), record.source.into()),
        ];
        headers.extend(record.traceparent.map(|t| ("traceparent".to_owned(), t.into_bytes())));
        let record = Record {
            key: record.project.into(),
            value: record.body,
            headers,
            timestamp_ms: Some(SystemClock.now_ms()),
        };
        self.append_to(Topic::Charges, record)
    }

    fn apply_settings(
        &self,
        project: &str,
        json: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<(), SettingsError>> + Send + '_>> {
        if let Err(fault) = daybook_wire::settings::parse_of(project, &json) {
            let (reason, key, message) = (fault.reason.code(), fault.key, fault.message);
            return Box::pin(async move { Err(SettingsError::Invalid { reason, key, message }) });
        }
        let appended = self.append_to(Topic::Settings, crate::settings::record(project, json));
        Box::pin(async move { appended.await.map_err(SettingsError::Gateway) })
    }

    fn read(&self, topic: &str, from: u64, limit: usize) -> Result<TopicPage, TopicError> {
        let Backend::Embedded(log) = &self.backend else { return Err(TopicError::Elsewhere) };
        let topic = Topic::from_name(topic).ok_or(TopicError::Unknown)?;
        let failed = |e: daybook_stream::log::LogError| TopicError::Failed(e.to_string());
        let end = log.end(topic).map_err(failed)?;
        let limit = Limit { records_max: limit, ..PAGE };
        let fetched = log.read(topic, from, limit).map_err(failed)?;
        let next = fetched.last().map_or(from, |f| f.offset + 1);
        let records = fetched.into_iter().map(|Fetched { offset, record }| TopicRecord {
            offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers: record.headers,
        });
        Ok(TopicPage { end, next, records: records.collect() })
    }

    fn append_records(
        &self,
        topic: &str,
        records: Vec<TopicRecord>,
    ) -> Pin<Box<dyn Future<Output = Result<(), RecordsError>> + Send + '_>> {
        let topic = match Topic::from_name(topic) {
            Some(topic @ (Topic::Charges | Topic::Spend | Topic::Settings)) => topic,
            Some(_) => return Box::pin(async { Err(RecordsError::NotInput) }),
            None => return Box::pin(async { Err(RecordsError::Unknown) }),
        };
        // All are handed over before the first is waited for: they share syncs.
        let appended: Vec<_> = records
            .into_iter()
            .map(|TopicRecord { key, value, headers, timestamp_ms, .. }| {
                self.append_to(topic, Record { key, value, headers, timestamp_ms })
            })
            .collect();
        Box::pin(async move {
            for one in appended {
                one.await?;
            }
            Ok(())
        })
    }
}
