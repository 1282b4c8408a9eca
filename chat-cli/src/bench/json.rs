//! A report for a program.

use hdrhistogram::Histogram;
use serde_json::{Map, Value as Json, json};

use super::pace::Length;
use super::report::{POINTS, Report, points};
use super::tally::Figures;

impl Report<'_> {
    /// One object, with the options and all figures.
    pub(super) fn json(&self) -> Json {
        let Self { args, tally, .. } = self;
        let mix: Map<String, Json> =
            args.mix().0.iter().map(|(kind, weight)| (kind.name().to_owned(), (*weight).into())).collect();
        let (duration, requests) = match args.length() {
            Length::Time(time) => (Some(time.as_secs_f64()), None),
            Length::Requests(count) => (None, Some(count)),
        };
        let options = json!({
            "servers": self.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "protocol": self.protocol.number(),
            "connections": args.fan_out.map_or(args.connections, |subscribers| subscribers + 1),
            "depth": args.depth,
            "bytes": args.bytes,
            "duration": duration,
            "requests": requests,
            "warm_up": args.warm_up().as_secs_f64(),
            "rate": args.rate,
            "mix": mix,
            "fan_out": args.fan_out,
            "accounts": self.accounts,
            "timeout": args.timeout().as_secs(),
        });
        let figures = |Figures { count, latencies }: &Figures| {
            json!({
                "count": count,
                "per_second": self.per_second(*count),
                "latency_microseconds": latency_json(latencies),
            })
        };
        let kinds: Map<String, Json> = tally.kinds().map(|(what, kind)| (what.to_owned(), figures(kind))).collect();
        let verification = match &self.verdict {
            Err(problem) => json!({"problem": problem}),
            Ok(verdict) => {
                let faults: Map<String, Json> = verdict
                    .faults
                    .0
                    .iter()
                    .map(|(kind, (count, first))| ((*kind).to_owned(), json!({"count": count, "first": first})))
                    .collect();
                json!({"acknowledged": verdict.acknowledged, "read": verdict.read, "faults": faults})
            }
        };
        json!({
            "good": self.is_good(),
            "version": env!("CARGO_PKG_VERSION"),
            "options": options,
            "seconds": tally.elapsed().as_secs_f64(),
            "ended_early": self.is_interrupted,
            "corrected_for_coordinated_omission": args.rate.is_some(),
            "kinds": kinds,
            "all": self.all().as_ref().map(figures),
            "refused": tally.refused,
            "lost_connections": tally.failed,
            "unanswered": tally.unanswered,
            "late": tally.missed,
            "verification": verification,
            "generator": {"cpu_microseconds_per_request": self.own_micros(), "cpu_part": self.own_part()},
        })
    }
}

fn latency_json(latencies: &Histogram<u64>) -> Json {
    let micros = |nanos: f64| Json::from((nanos / 10.0).round() / 100.0);
    let points =
        POINTS.iter().zip(points(latencies)).map(|((name, _), nanos)| (*name, nanos.map(|nanos| nanos as f64)));
    let mean = (!latencies.is_empty()).then(|| latencies.mean());
    let named = |(name, nanos): (&str, Option<f64>)| (name.to_owned(), nanos.map_or(Json::Null, micros));
    points.chain([("mean", mean)]).map(named).collect::<Map<_, _>>().into()
}
