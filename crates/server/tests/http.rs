//! Who gets in, what is refused and how, and when a `202` is sent.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::mpsc::{self, TryRecvError};
use std::thread;

use serde_json::json;
use support::{ACME_KEY, Answer, BODY_BYTES_MAX, Log, OPERATOR_KEY, OTHER_KEY, Rig, agent, send};

const TRACK: &str = "/acme-org/projects/acme/sources/shop/track";
const KEY: (&str, &str) = ("x-api-key", ACME_KEY);

/// An answer is what the table says, and a refusal is a complete problem document.
#[track_caller]
fn check(what: &str, answer: &Answer, status: u16, reason: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    if reason.is_empty() {
        return;
    }
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{what}");
    assert_eq!(problem["reason"], reason, "{what}");
    assert_eq!(problem["type"], format!("urn:daybook:problem:{reason}"), "{what}");
    assert!(!problem["title"].as_str().unwrap().is_empty(), "{what}");
    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{what}");
    assert!(problem["rejected"].is_array(), "{what}");
    assert_eq!(answer.header("www-authenticate") == "Bearer", status == 401, "{what}");
}

#[test]
fn keys_of_the_track_api() {
    let rig = Rig::start();
    let bearer = format!("Bearer {ACME_KEY}");
    let in_query = |key: &str| format!("{TRACK}?apiKey={key}");
    let no_key = TRACK.to_owned();
    for (what, path, headers, status, reason) in [
        ("no key", no_key.clone(), vec![], 401, "key_missing"),
        ("empty key", in_query(""), vec![], 401, "key_missing"),
        ("unknown key", in_query("guess"), vec![], 401, "key_unknown"),
        ("a key's beginning", in_query("acme-key"), vec![], 401, "key_unknown"),
        ("key in the query", in_query(ACME_KEY), vec![], 202, ""),
        ("key as bearer", no_key.clone(), vec![("authorization", bearer.as_str())], 202, ""),
        ("key as header", no_key.clone(), vec![KEY], 202, ""),
        ("header before query", in_query("guess"), vec![KEY], 202, ""),
        ("basic is no key", no_key.clone(), vec![("authorization", "Basic eA==")], 401, "key_missing"),
        ("operator", in_query(OPERATOR_KEY), vec![], 202, ""),
        ("another project's key", in_query(OTHER_KEY), vec![], 403, "key_forbidden"),
        (
            "another organization",
            format!("/other-org/projects/acme/sources/shop/track?apiKey={ACME_KEY}"),
            vec![],
            403,
            "key_forbidden",
        ),
    ] {
        let answer = rig.post(&path, &headers, "accepted");
        check(what, &answer, status, reason);
        assert_eq!(rig.appended().len(), usize::from(status == 202), "{what}");
    }
}

#[test]
fn refusals_of_the_track_api_by_descending_precedence() {
    let rig = Rig::start();
    let large = "x".repeat(BODY_BYTES_MAX + 1);
    let very_large = "x".repeat(4 * 1024 * 1024);
    let fitting = format!("accepted {}", " ".repeat(BODY_BYTES_MAX - 9));
    let long = format!("/acme-org/projects/acme/sources/{}/track", "s".repeat(65));
    for (what, path, body, status, reason, appended) in [
        (
            "project name",
            "/acme-org/projects/ac~me/sources/shop/track",
            "accepted",
            400,
            "project_invalid",
            0,
        ),
        (
            "encoded slash",
            "/acme-org/projects/a%2Fb/sources/shop/track",
            "accepted",
            400,
            "project_invalid",
            0,
        ),
        ("not UTF-8", "/acme-org/projects/%ff/sources/shop/track", "accepted", 400, "field_invalid", 0),
        ("source name", "/acme-org/projects/acme/sources/sh%20op/track", "accepted", 400, "field_invalid", 0),
        ("source too long", &long, "accepted", 400, "field_invalid", 0),
        ("too large", TRACK, &large, 413, "payload_too_large", 0),
        ("far too large", TRACK, &very_large, 413, "payload_too_large", 0),
        ("just fitting", TRACK, &fitting, 202, "", 1),
        ("malformed", TRACK, "malformed_json", 400, "malformed_json", 1),
        ("nothing accepted", TRACK, "amount_missing not_succeeded", 422, "amount_missing", 1),
        ("nothing at all", TRACK, "", 422, "empty_envelope", 1),
        ("a part accepted", TRACK, "accepted amount_missing", 202, "", 1),
        ("a bug", TRACK, "panic", 500, "internal", 0),
    ] {
        let answer = rig.post(path, &[KEY], body);
        check(what, &answer, status, reason);
        assert_eq!(rig.appended().len(), appended, "{what}");
    }
}

#[test]
fn a_refused_body_does_not_break_the_connection() {
    let rig = Rig::start();
    let small = "x".repeat(900);
    for round in 0..50 {
        let refused = rig.post(TRACK, &[], &small);
        check("no key", &refused, 401, "key_missing");
        assert_eq!(refused.header("connection"), "", "{round}");
        check("the next request", &rig.post(TRACK, &[KEY], "accepted"), 202, "");
        let nowhere = rig.post("/nowhere", &[KEY], &small);
        assert_eq!(nowhere.header("connection"), "close", "{round}");
    }
}

#[test]
fn what_is_appended_and_answered() {
    let rig = Rig::start();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let body = "accepted not_succeeded accepted";
    let answer = rig.post(TRACK, &[KEY, ("traceparent", trace)], body);
    check("mixed", &answer, 202, "");
    let item =
        json!({"path": "track[0].payload[0]", "reason": "not_succeeded", "detail": "It is not_succeeded."});
    assert_eq!(answer.json(), json!({"accepted": 2, "rejected": [item]}));
    let records = rig.appended();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].project, "acme");
    assert_eq!(records[0].source, "shop");
    assert_eq!(records[0].body, body.as_bytes());
    assert_eq!(records[0].traceparent.as_deref(), Some(trace));

    let answer = rig.post(TRACK, &[KEY, ("traceparent", "nonsense")], "not_succeeded");
    assert_eq!(answer.json()["rejected"], json!([item]));
    assert_eq!(rig.appended()[0].traceparent, None);
}

#[test]
fn a_log_that_takes_nothing() {
    let rig = Rig::start();
    for (log, reason) in [(Log::Unavailable, "log_unavailable"), (Log::Draining, "draining")] {
        *rig.gateway.log.lock().unwrap() = log;
        for body in ["accepted", "amount_missing", "malformed_json"] {
            let answer = rig.post(TRACK, &[KEY], body);
            check(body, &answer, 503, reason);
            assert_eq!(answer.header("retry-after"), "1");
            assert!(!answer.body.contains("broker 3"));
        }
    }
}

#[test]
fn accepted_is_said_only_when_it_is_durable_and_a_shutdown_waits_for_it() {
    let mut rig = Rig::start();
    *rig.gateway.log.lock().unwrap() = Log::Held;
    let (begun, append_begun) = mpsc::channel();
    *rig.gateway.begun.lock().unwrap() = Some(begun);
    let (answered, answers) = mpsc::channel();
    let url = format!("{}{TRACK}", rig.base);
    let client = thread::spawn(move || {
        answered.send(send(&agent(), "POST", &url, &[KEY], Some("accepted"))).unwrap();
    });

    append_begun.recv().unwrap();
    // Another whole request and answer fit between the append and its end.
    check("other requests", &rig.get("/livez", &[]), 200, "");
    assert_eq!(answers.try_recv().unwrap_err(), TryRecvError::Empty);
    rig.stop.take().unwrap().send(()).unwrap();
    assert_eq!(answers.try_recv().unwrap_err(), TryRecvError::Empty);

    rig.gateway.release.add_permits(1);
    check("after the append", &answers.recv().unwrap(), 202, "");
    client.join().unwrap();
    rig.runtime.block_on(rig.served.take().unwrap()).unwrap().unwrap();
}

#[test]
fn routes_and_their_keys() {
    let rig = Rig::start();
    rig.apply(
        "rewards.balances",
        "acme/u/1",
        &json!({"project_id": "acme", "user_id": "u/1", "pending_points": 3, "available_points": 4, "journal_sequence": 9}),
    );
    let nothing = "/api/v1/projects/acme~test/overview";
    for (path, none, acme, other, operator) in [
        ("/livez", 200, 200, 200, 200),
        ("/readyz", 200, 200, 200, 200),
        ("/metrics", 401, 403, 403, 200),
        ("/api/v1/topics/charges/records", 401, 403, 403, 200),
        ("/api/v1/topics/charges/records?from=7&limit=9999", 401, 403, 403, 200),
        ("/api/v1/topics/charges/records?from=-1", 401, 403, 403, 400),
        ("/api/v1/topics/charges/records?limit=0", 401, 403, 403, 400),
        ("/api/v1/projects/acme/settings", 405, 405, 405, 405),
        ("/", 401, 200, 200, 200),
        ("/assets/app.js", 401, 200, 200, 200),
        ("/assets/../Cargo.toml", 401, 404, 404, 404),
        ("/assets/..%2FCargo.toml", 401, 404, 404, 404),
        ("/api/v1/projects", 401, 200, 200, 200),
        ("/api/v1/overview", 401, 200, 200, 200),
        ("/api/v1/projects/acme/overview", 401, 200, 403, 200),
        ("/api/v1/projects/acme/revenue/daily", 401, 200, 403, 200),
        ("/api/v1/projects/acme/entries", 401, 200, 403, 200),
        ("/api/v1/projects/acme/balances", 401, 200, 403, 200),
        ("/api/v1/projects/acme/points/u%2F1", 401, 200, 403, 200),
        ("/api/v1/projects/acme/points/nobody", 401, 404, 403, 404),
        (nothing, 401, 404, 403, 404),
        ("/api/v1/projects/acme/entries?limit=0", 401, 400, 403, 400),
        ("/api/v1/projects/acme/entries?limit=x", 401, 400, 403, 400),
        ("/api/v1/projects/acme/entries?limit=9999", 401, 200, 403, 200),
        ("/api/v1/projects/acme/revenue/daily?from=yesterday", 401, 400, 403, 400),
        ("/nothing", 404, 404, 404, 404),
        (TRACK, 405, 405, 405, 405),
    ] {
        for (key, status) in [("", none), (ACME_KEY, acme), (OTHER_KEY, other), (OPERATOR_KEY, operator)] {
            let answer = rig.get(path, &[("x-api-key", key)]);
            let reason = match (status, path) {
                (200, _) => "",
                (400, _) => "query_invalid",
                (401, _) => "key_missing",
                (403, _) => "key_forbidden",
                (405, _) => "method_not_allowed",
                (_, path) if path == nothing => "project_unknown",
                (_, path) if path.ends_with("nobody") => "user_unknown",
                _ => "route_unknown",
            };
            check(&format!("{path} with {key:?}"), &answer, status, reason);
        }
    }
}

#[test]
fn health_says_what_is_wrong() {
    let rig = Rig::start();
    *rig.health.live.lock().unwrap() = Some("the projector stopped".into());
    *rig.health.ready.lock().unwrap() = Some("replaying".into());
    let answer = rig.get("/livez", &[]);
    check("livez", &answer, 503, "not_live");
    assert_eq!(answer.json()["detail"], "the projector stopped");
    check("readyz", &rig.get("/readyz", &[]), 503, "not_ready");
}

#[test]
fn metrics_name_routes_never_paths() {
    let rig = Rig::start();
    rig.post(TRACK, &[KEY], "accepted");
    rig.get("/surprise/me", &[]);
    let text = rig.query("/metrics").body;
    let route = "/{organization}/projects/{project}/sources/{source}/track";
    for line in [
        format!("daybook_http_requests_total{{method=\"POST\",route=\"{route}\",status=\"202\"}} 1"),
        "daybook_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1".into(),
        format!("daybook_http_request_duration_seconds_count{{route=\"{route}\"}} 1"),
        "daybook_query_malformed_total{topic=\"ledger.entries\"} 0".into(),
    ] {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("surprise") && !text.contains("shop"));
}

#[test]
fn readiness_and_what_is_uncleared_are_looked_up_with_each_scrape() {
    let rig = Rig::start();
    let text = || rig.query("/metrics").body;
    let has = |line: &str| text().lines().any(|found| found == line);
    assert!(has("daybook_ready 1") && !text().contains("daybook_uncleared_minor"));
    *rig.health.ready.lock().unwrap() = Some("restoring".to_owned());
    assert!(has("daybook_ready 0"));
    let kpis = |day: &str, minor: i64| {
        let value = serde_json::json!({
            "project_id": "acme", "economic_day": day, "currency": "USD", "pending_revenue_minor": minor,
        });
        rig.apply("kpis.daily", &format!("acme/{day}/USD"), &value);
    };
    let uncleared = |age: &str, minor: i64| {
        format!("daybook_uncleared_minor{{age=\"{age}\",currency=\"USD\",project=\"acme\"}} {minor}")
    };
    for (day, minor, sum) in [
        ("2020-01-01", 500, 500),
        ("2020-01-02", 50, 550),
        // The last row of a day counts, and what is paid is gone.
        ("2020-01-01", 300, 350),
        ("2020-01-02", 0, 300),
        ("2020-01-01", 0, 0),
    ] {
        kpis(day, minor);
        assert!(has(&uncleared("30d+", sum)) && has(&uncleared("0-1d", 0)), "{day} {minor}: {}", text());
    }
    kpis("yesterday", 1);
    assert!(has("daybook_query_malformed_total{topic=\"kpis.daily\"} 1"));
}

#[test]
fn the_page_opens_with_a_key_and_again_with_its_cookie() {
    let rig = Rig::start();
    let page = rig.get(&format!("/?apiKey={ACME_KEY}"), &[("accept", "text/html")]);
    check("with a key", &page, 200, "");
    assert!(page.body.contains("/assets/app.js") && !page.body.contains(ACME_KEY));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "no-referrer");

    let cookie = page.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=") && !cookie.contains(ACME_KEY));
    let cookie = ("cookie", cookie.split(';').next().unwrap());
    check("with the cookie", &rig.get("/", &[cookie]), 200, "");
    let script = rig.get("/assets/app.js", &[cookie]);
    check("its script", &script, 200, "");
    assert_eq!(script.header("content-type"), "text/javascript");
    let again = rig.get("/assets/app.js", &[cookie, ("if-none-match", script.header("etag"))]);
    check("its script again", &again, 304, "");
    check("the cookie opens no figures", &rig.get("/api/v1/projects", &[cookie]), 401, "key_missing");
    let token = cookie.1.split_once('=').unwrap().1;
    check("nor is it a key", &rig.get("/api/v1/projects", &[("x-api-key", token)]), 401, "key_unknown");

    let asked = rig.get("/", &[("accept", "text/html,*/*")]);
    check("without a key", &asked, 401, "");
    assert!(asked.body.contains("name=\"apiKey\""));
}

#[test]
fn the_page_holds_no_inline_script_or_style() {
    let rig = Rig::start();
    for path in ["/assets/index.html", "/assets/signin.html"] {
        let html = rig.query(path).body;
        assert!(!html.contains("style=") && !html.contains("<style"), "{path}");
        assert!(!html.contains("<script>") && !html.contains("://"), "{path}");
    }
}
