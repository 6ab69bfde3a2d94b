//! Grafana's dashboards, run as Grafana runs them: variables filled in, each query put to a Prometheus.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::prometheus::{Prometheus, repository};

/// What Grafana puts in for `$__rate_interval` is four scrapes or more.
const RATE_INTERVAL: &str = "1m";
/// The schema of Grafana 10 and 11.
const SCHEMA: u64 = 39;

/// The shipped dashboards.
///
/// # Errors
/// One can't be read.
pub fn shipped() -> Result<Vec<Value>> {
    let mut dashboards = Vec::new();
    for file in std::fs::read_dir(repository("deploy/grafana/dashboards"))? {
        let path = file?.path();
        let dashboard = std::fs::read(&path)?;
        dashboards.push(serde_json::from_slice(&dashboard).with_context(|| path.display().to_string())?);
    }
    ensure!(!dashboards.is_empty(), "there are no dashboards");
    Ok(dashboards)
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    let text = value[name].as_str().filter(|text| !text.is_empty());
    text.with_context(|| format!("{} has no {name}", value["title"]))
}

/// A variable and what it may be filled in with: all values, then one alone.
type Variable = (String, Vec<String>);

/// Asks for a variable's values, as Grafana does.
fn variable(prometheus: &Prometheus, variable: &Value) -> Result<Option<Variable>> {
    let name = text(variable, "name")?;
    if variable["type"] == "datasource" {
        ensure!(name == "datasource" && variable["query"] == "prometheus", "{variable}");
        return Ok(None);
    }
    let query = text(&variable["query"], "query")?;
    let arguments = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let (metric, label) =
        arguments.and_then(|a| a.split_once(", ")).with_context(|| format!("${name}: {query}"))?;
    let values = prometheus.label_values(label, metric)?;
    let one = values.first().with_context(|| format!("${name} has no values"))?;
    // Grafana escapes a value for the regular expression, and that for the string that it stands in.
    let one = one.replace('.', "\\\\.");
    Ok(Some((name.to_owned(), vec![text(variable, "allValue")?.to_owned(), one])))
}

/// Runs each query of a dashboard; how many there are. Each must give data, with all instances and projects and with one.
///
/// # Errors
/// The dashboard is not as it has to be, or a query gives nothing.
pub fn check(prometheus: &Prometheus, dashboard: &Value) -> Result<usize> {
    ensure!(dashboard["schemaVersion"] == SCHEMA, "schema {}", dashboard["schemaVersion"]);
    ensure!(text(dashboard, "uid")?.starts_with("daybook-"), "{}", dashboard["uid"]);
    let list = dashboard["templating"]["list"].as_array().context("no variables")?;
    let variables: Vec<Variable> =
        list.iter().filter_map(|v| variable(prometheus, v).transpose()).collect::<Result<_>>()?;
    let mut queries = 0;
    let mut wrong = Vec::new();
    for panel in dashboard["panels"].as_array().context("no panels")? {
        let title = text(panel, "title")?;
        if panel["type"] == "row" {
            continue;
        }
        text(panel, "description")?;
        ensure!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        let targets = panel["targets"].as_array().filter(|targets| !targets.is_empty());
        for target in targets.with_context(|| format!("{title} has no queries"))? {
            ensure!(target["datasource"]["uid"] == "${datasource}", "{title} names a data source of its own");
            let query = text(target, "expr")?.replace("$__rate_interval", RATE_INTERVAL);
            queries += 1;
            for choice in 0..2 {
                let filled = variables.iter().fold(query.clone(), |query, (name, values)| {
                    query.replace(&format!("${name}"), &values[choice])
                });
                if filled.contains('$') {
                    bail!("{title}: a variable is left in {filled}");
                }
                match prometheus.series(&filled) {
                    // One project alone may have no such row.
                    Ok(0) if choice == 1 && query.contains("$project") => {}
                    Ok(0) => wrong.push(format!("{title}: {filled} gives nothing")),
                    Ok(_) => {}
                    Err(error) => wrong.push(format!("{title}: {filled}: {error}")),
                }
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(queries > 0, "no queries");
    Ok(queries)
}
