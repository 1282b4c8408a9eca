//! Compares JSON by value with what a transcript expects, and puts values into the JSON of its requests.

use serde_json::{Map, Value as Json};

use super::values::{Value, Values, pieces};

/// Where an answer differs first.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    /// The member, such as `result.messages[0].text`; empty for the whole.
    pub(super) path: String,
    pub(super) expected: String,
    pub(super) came: String,
}

/// Puts values in the place of placeholders.
///
/// # Errors
///
/// Names a placeholder for which nothing stands yet.
pub(super) fn fill(template: &Json, values: &Values) -> Result<Json, String> {
    Ok(match template {
        Json::String(text) => match placeholder(text) {
            Some(name) => to_json(values.get(name).ok_or_else(|| format!("${name} stands for nothing yet"))?),
            None => Json::String(text_of(text, values)?),
        },
        Json::Array(items) => items.iter().map(|item| fill(item, values)).collect::<Result<Vec<_>, _>>()?.into(),
        Json::Object(members) => {
            let filled = members.iter().map(|(name, member)| Ok((name.clone(), fill(member, values)?)));
            Json::Object(filled.collect::<Result<Map<_, _>, String>>()?)
        }
        other => other.clone(),
    })
}

/// Compares what came with what is expected, and binds placeholders. Members that are not expected are allowed.
///
/// # Errors
///
/// The first difference.
pub(super) fn compare(expected: &Json, came: &Json, values: &mut Values) -> Result<(), Difference> {
    compare_at("", expected, came, values)
}

fn compare_at(path: &str, expected: &Json, came: &Json, values: &mut Values) -> Result<(), Difference> {
    match (expected, came) {
        (Json::String(text), _) => compare_text(path, text, came, values),
        (Json::Object(expected), Json::Object(came)) => compare_members(path, expected, came, values),
        (Json::Array(expected), Json::Array(came)) => match expected.split_first() {
            Some((Json::String(word), some)) if word == "$some" => compare_some(path, some, came, values),
            _ => compare_items(path, expected, came, values),
        },
        _ if expected == came => Ok(()),
        _ => Err(differs(path, expected, came)),
    }
}

fn compare_text(path: &str, text: &str, came: &Json, values: &mut Values) -> Result<(), Difference> {
    let Some(name) = placeholder(text) else {
        let wanted = text_of(text, values).map_err(|problem| difference(path, problem, came))?;
        return if came.as_str() == Some(&wanted) { Ok(()) } else { Err(difference(path, quoted(&wanted), came)) };
    };
    let fits = match (name, values.get(name)) {
        (_, Some(value)) => {
            let wanted = to_json(value);
            return if wanted == *came { Ok(()) } else { Err(difference(path, format!("${name}, {wanted}"), came)) };
        }
        ("any", _) => true,
        ("text", _) => came.is_string(),
        ("number", _) => came.is_u64(),
        ("flag", _) => came.is_boolean(),
        ("absent", _) => false,
        _ => {
            let value = match came {
                Json::String(text) => Some(Value::Text(text.clone())),
                _ => came.as_u64().map(Value::Number),
            };
            let value = value.ok_or_else(|| difference(path, "a string or a number".to_owned(), came))?;
            return values.bind(name, value).map_err(|wanted| difference(path, wanted.to_owned(), came));
        }
    };
    let wanted = match name {
        "text" => "a string",
        "number" => "a whole number",
        "flag" => "true or false",
        _ => "nothing",
    };
    if fits { Ok(()) } else { Err(difference(path, wanted.to_owned(), came)) }
}

fn compare_members(
    path: &str,
    expected: &Map<String, Json>,
    came: &Map<String, Json>,
    values: &mut Values,
) -> Result<(), Difference> {
    for (name, wanted) in expected {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (came.get(name), wanted.as_str() == Some("$absent")) {
            (None, true) => {}
            (None, false) => return Err(Difference { path, expected: wanted.to_string(), came: "nothing".to_owned() }),
            (Some(member), _) => compare_at(&path, wanted, member, values)?,
        }
    }
    Ok(())
}

fn compare_items(path: &str, expected: &[Json], came: &[Json], values: &mut Values) -> Result<(), Difference> {
    for (place, pair) in (0..).zip(expected.iter().zip(came)) {
        compare_at(&format!("{path}[{place}]"), pair.0, pair.1, values)?;
    }
    if expected.len() == came.len() {
        return Ok(());
    }
    let (expected, came) = (count(expected.len()), came.len());
    Err(Difference { path: path.to_owned(), expected, came: count(came) })
}

/// `["$some", A, B, "$without", C]`: A, and somewhere behind it B, and no C at all.
fn compare_some(path: &str, expected: &[Json], came: &[Json], values: &mut Values) -> Result<(), Difference> {
    let without = |item: &Json| item.as_str() == Some("$without");
    let mut parts = expected.split(without);
    let mut rest = came.iter();
    for wanted in parts.next().unwrap_or_default() {
        let found = rest.find_map(|item| {
            let mut bound = values.clone();
            compare_at(path, wanted, item, &mut bound).is_ok().then_some(bound)
        });
        *values = found.ok_or_else(|| Difference {
            path: path.to_owned(),
            expected: format!("an item {wanted}"),
            came: Json::from(came.to_vec()).to_string(),
        })?;
    }
    for unwanted in parts.flatten() {
        if let Some(item) = came.iter().find(|item| compare_at(path, unwanted, item, &mut values.clone()).is_ok()) {
            return Err(difference(path, format!("no item {unwanted}"), item));
        }
    }
    Ok(())
}

/// The name, if the whole text is a placeholder.
fn placeholder(text: &str) -> Option<&str> {
    let mut pieces = pieces(text);
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(("", name)), Some(("", "")), None) if !name.is_empty() => Some(name),
        _ => None,
    }
}

fn text_of(template: &str, values: &Values) -> Result<String, String> {
    let mut text = String::new();
    for (literal, name) in pieces(template) {
        text.push_str(literal);
        if !name.is_empty() {
            text.push_str(&values.get(name).ok_or_else(|| format!("${name} stands for nothing yet"))?.to_text());
        }
    }
    Ok(text)
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Number(number) => (*number).into(),
    }
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

fn count(items: usize) -> String {
    if items == 1 { "1 item".to_owned() } else { format!("{items} items") }
}

fn differs(path: &str, expected: &Json, came: &Json) -> Difference {
    difference(path, expected.to_string(), came)
}

fn difference(path: &str, expected: String, came: &Json) -> Difference {
    Difference { path: path.to_owned(), expected, came: came.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "json! makes values")]
    fn outcome(expected: Json, came: Json) -> Result<(), (String, String, String)> {
        let outcome = compare(&expected, &came, &mut Values::new("7k", 9));
        outcome.map_err(|Difference { path, expected, came }| (path, expected, came))
    }

    #[test]
    fn what_fits() {
        for (expected, came) in [
            (json!({"a": 1}), json!({"a": 1, "b": 2})),
            (
                json!({"a": "$any", "b": "$text", "c": "$number", "d": "$flag"}),
                json!({"a": null, "b": "", "c": 1, "d": true}),
            ),
            (json!({"a": "$absent"}), json!({})),
            (json!(["$x1", "$x1", "a-$run"]), json!([5, 5, "a-7k"])),
            (json!(["$some"]), json!([1])),
            (json!(["$some", {"a": 1}, {"a": 2}, "$without", {"a": 3}]), json!([{"a": 1}, {"a": 4}, {"a": 2}])),
            (json!([1, null, false, 1.5]), json!([1, null, false, 1.5])),
        ] {
            assert_eq!(outcome(expected.clone(), came), Ok(()), "{expected}");
        }
    }

    #[test]
    fn what_does_not() {
        for (expected, came, path, wanted, shown) in [
            (json!({"a": {"b": [1, "x"]}}), json!({"a": {"b": [1, "y"]}}), "a.b[1]", "\"x\"", "\"y\""),
            (json!({"a": 1}), json!({}), "a", "1", "nothing"),
            (json!({"a": "$absent"}), json!({"a": 1}), "a", "nothing", "1"),
            (json!([1]), json!([1, 2]), "", "1 item", "2 items"),
            (json!({"a": "1"}), json!({"a": 1}), "a", "\"1\"", "1"),
            (json!({"a": 1}), json!([]), "", "{\"a\":1}", "[]"),
            (json!(["$x1", "$x1"]), json!([5, 6]), "[1]", "$x1, 5", "6"),
            (json!("$number"), json!(-1), "", "a whole number", "-1"),
            (json!("$id1"), json!("x"), "", "the id of a message", "\"x\""),
            (json!(["$some", 2, 1]), json!([1, 2]), "", "an item 1", "[1,2]"),
            (json!(["$some", "$without", 2]), json!([1, 2]), "", "no item 2", "2"),
        ] {
            let told = outcome(expected.clone(), came).unwrap_err();
            assert_eq!(told, (path.to_owned(), wanted.to_owned(), shown.to_owned()), "{expected}");
        }
    }

    /// An item of a list that does not fit must not bind what the one that fits has.
    #[test]
    fn what_is_passed_over_binds_nothing() {
        let mut values = Values::default();
        let expected = json!(["$some", {"id": "$id1", "text": "b"}]);
        compare(&expected, &json!([{"id": 1, "text": "a"}, {"id": 2, "text": "b"}]), &mut values).unwrap();
        assert_eq!(values.get("id1"), Some(&Value::Number(2)));
    }

    #[test]
    fn requests() {
        let mut values = Values::new("7k", 9);
        values.bind("id1", Value::Number(4)).unwrap();
        let filled = fill(&json!({"after": "$id1", "room": "#a-$run", "list": ["x$id1", 1, "$"]}), &values);
        assert_eq!(filled, Ok(json!({"after": 4, "room": "#a-7k", "list": ["x4", 1, "$"]})));
        assert!(fill(&json!(["$id2"]), &values).is_err() && fill(&json!("x$id2"), &values).is_err());
    }
}
