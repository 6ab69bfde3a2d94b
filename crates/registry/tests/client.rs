//! What the client makes of a registry's answers, and of those of something else in its place. A real registry answers in
//! tests/kafka/avro.rs.

#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use daybook_registry::{Registry, RegistryError, Settings, Subject};

/// Answers by path, and the requests that were asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<BTreeMap<&'static str, (u16, &'static str)>>,
    asked: Arc<Mutex<Vec<(String, Option<String>)>>>,
}

async fn answer(State(script): State<Script>, request: Request) -> impl IntoResponse {
    let path = request.uri().path().to_owned();
    let authorization =
        request.headers().get("authorization").and_then(|v| v.to_str().ok()).map(str::to_owned);
    script.asked.lock().unwrap().push((path.clone(), authorization));
    let (status, body) = script.answers.get(path.as_str()).copied().unwrap_or((404, "no such page"));
    (StatusCode::from_u16(status).unwrap(), body)
}

/// A client of a server with these answers.
fn client(answers: &[(&'static str, (u16, &'static str))]) -> (Registry, Script) {
    let script = Script { answers: Arc::new(answers.iter().copied().collect()), ..Script::default() };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(script.clone());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await
        })
    });
    let credentials = Some(("ann".to_owned(), "secret".to_owned()));
    (Registry::new(&Settings { url, credentials, ..Settings::default() }).unwrap(), script)
}

/// What comes of asking for schema 7.
fn check(status: u16, body: &'static str, expected: &str) {
    let (registry, _) = client(&[("/schemas/ids/7", (status, body))]);
    let found = match registry.schema(7) {
        Ok(Some(schema)) => format!("{} avro={}", schema.text, schema.is_avro),
        Ok(None) => "none".to_owned(),
        Err(RegistryError::Unavailable(_)) => "later".to_owned(),
        Err(RegistryError::Refused { status, .. }) => format!("refused {status}"),
        Err(RegistryError::Misconfigured(why)) => why,
    };
    assert_eq!(found, expected, "{status} {body}");
}

#[test]
fn answers_and_what_they_mean() {
    check(200, r#"{"schema":"\"int\""}"#, "\"int\" avro=true");
    check(200, r#"{"schema":"\"int\"","schemaType":"AVRO"}"#, "\"int\" avro=true");
    check(200, r#"{"schema":"{}","schemaType":"JSON"}"#, "{} avro=false");
    check(404, r#"{"error_code":40403,"message":"Schema not found"}"#, "none");
    // Something else answers where the registry should: nothing is known of the schema.
    check(404, "<html>default backend</html>", "later");
    check(404, r#"{"message":"no route"}"#, "later");
    check(200, "<html>sign in</html>", "later");
    check(200, r#"{"other":1}"#, "later");
    for status in [429, 500, 502, 503] {
        check(status, r#"{"error_code":50001,"message":"busy"}"#, "later");
    }
    check(401, r#"{"error_code":401,"message":"Unauthorized"}"#, "refused 401");
    check(422, r#"{"error_code":42201,"message":"Invalid id"}"#, "none");
}

#[test]
fn an_id_that_no_registry_gives_is_not_asked_for() {
    let (registry, script) = client(&[]);
    assert_eq!(registry.schema(u32::MAX).unwrap(), None);
    assert!(script.asked.lock().unwrap().is_empty());
}

#[test]
fn nobody_answers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let registry = Registry::new(&Settings { url, ..Settings::default() }).unwrap();
    assert!(registry.schema(1).is_err_and(|error| error.is_passing()));
}

#[test]
fn references_come_with_the_schema_each_once() {
    let (registry, script) = client(&[
        (
            "/schemas/ids/7",
            (
                200,
                r#"{"schema":"top","references":[{"name":"a","subject":"a/b","version":1},{"name":"c","subject":"c","version":2}]}"#,
            ),
        ),
        (
            "/subjects/a%2Fb/versions/1",
            (200, r#"{"schema":"a","references":[{"name":"c","subject":"c","version":2}]}"#),
        ),
        ("/subjects/c/versions/2", (200, r#"{"schema":"c"}"#)),
    ]);
    let schema = registry.schema(7).unwrap().unwrap();
    assert_eq!((schema.text.as_str(), schema.references), ("top", vec!["c".to_owned(), "a".to_owned()]));
    assert_eq!(script.asked.lock().unwrap().len(), 3);
    // One that is not there: the schema can't be used, and is looked for again.
    let (registry, _) = client(&[
        (
            "/schemas/ids/7",
            (200, r#"{"schema":"top","references":[{"name":"a","subject":"a","version":1}]}"#),
        ),
        ("/subjects/a/versions/1", (404, r#"{"error_code":40401,"message":"Subject not found"}"#)),
    ]);
    assert_eq!(registry.schema(7).unwrap(), None);
}

#[test]
fn a_subject_is_asked_with_the_credentials_and_its_name_whole() {
    let (registry, script) =
        client(&[("/subjects/a%20b%3F-value", (200, r#"{"subject":"a b?-value","id":3,"version":1}"#))]);
    assert_eq!(registry.id_of(&Subject::of_values("a b?"), "\"int\"").unwrap(), Some(3));
    let asked = script.asked.lock().unwrap().clone();
    assert_eq!(asked, [("/subjects/a%20b%3F-value".to_owned(), Some("Basic YW5uOnNlY3JldA==".to_owned()))]);
    let (registry, _) = client(&[("/subjects/x-value", (404, r#"{"error_code":40403,"message":"none"}"#))]);
    assert_eq!(registry.id_of(&Subject::of_values("x"), "\"int\"").unwrap(), None);
    let (registry, _) =
        client(&[("/subjects/x-value/versions", (409, r#"{"error_code":409,"message":"incompatible"}"#))]);
    let refused = registry.register(&Subject::of_values("x"), "\"int\"").unwrap_err();
    assert_eq!(refused.to_string(), "the schema registry refuses (409): incompatible");
}

#[test]
fn certificates_that_can_t_be_read_are_named() {
    let mut settings = Settings { url: "https://127.0.0.1:1".to_owned(), ..Settings::default() };
    settings.tls.ca = Some("/nonexistent/ca.pem".into());
    let error = Registry::new(&settings).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/ca.pem"), "{error}");
}
