//! Which servers there are, and which of them is the owner.
//!
//! The owner has a lease, and not a lock of PostgreSQL: a lock lasts as long as its session, and the session of a stopped process, or of
//! a machine that was cut off without a word, lasts for minutes or forever. All times are the database's.

use super::fault::Fault;
use super::line::Line;
use crate::engine::{OWNER_PATIENCE, ServerCard};

pub(super) async fn claim(line: &Line, card: &ServerCard) -> Result<ServerCard, Fault> {
    let (server, text) = (card.id.to_string(), serde_json::to_string(card)?);
    let mut session = line.session().await?;
    for _ in 0..CLAIMS {
        if !session.rows(CLAIM, &[&server, &text, &OWNER_PATIENCE.as_secs_f64()]).await?.is_empty() {
            return Ok(card.clone());
        }
        // It may have run out, or been released, in between.
        if let Some(row) = session.rows(OWNER, &[]).await?.first() {
            return Ok(serde_json::from_str(row.try_get(0)?)?);
        }
    }
    Err(Fault::Changing)
}

pub(super) async fn owner(line: &Line) -> Result<Option<ServerCard>, Fault> {
    let rows = line.session().await?.rows(OWNER, &[]).await?;
    rows.first().map(|row| Ok(serde_json::from_str(row.try_get(0)?)?)).transpose()
}

pub(super) async fn release(line: &Line, server: &str) -> Result<(), Fault> {
    line.session().await?.rows("DELETE FROM lease WHERE server = $1", &[&server]).await?;
    Ok(())
}

pub(super) async fn announce(line: &Line, card: &ServerCard) -> Result<(), Fault> {
    let (server, text) = (card.id.to_string(), serde_json::to_string(card)?);
    let seconds = OWNER_PATIENCE.as_secs_f64() * 3.0;
    let mut session = line.session().await?;
    session.rows(ANNOUNCE, &[&server, &card.name, &text, &seconds]).await?;
    session.rows("DELETE FROM server WHERE expires < clock_timestamp() - interval '1 minute'", &[]).await?;
    Ok(())
}

pub(super) async fn servers(line: &Line) -> Result<Vec<ServerCard>, Fault> {
    let rows = line.session().await?.rows(SERVERS, &[]).await?;
    let mut cards = Vec::with_capacity(rows.len());
    for row in &rows {
        cards.push(serde_json::from_str::<ServerCard>(row.try_get(0)?)?);
    }
    // The database's order depends on its language.
    cards.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    Ok(cards)
}

/// Between two of these statements a lease runs out at most once.
const CLAIMS: usize = 3;

const CLAIM: &str = "INSERT INTO lease (one, server, card, expires) \
                     VALUES (true, $1, $2, clock_timestamp() + $3::float8 * interval '1 second') \
                     ON CONFLICT (one) DO UPDATE SET server = excluded.server, card = excluded.card, expires = excluded.expires \
                     WHERE lease.server = excluded.server OR lease.expires <= clock_timestamp() RETURNING one";

const OWNER: &str = "SELECT card FROM lease WHERE expires > clock_timestamp()";

const ANNOUNCE: &str = "INSERT INTO server (id, name, card, expires) \
                        VALUES ($1, $2, $3, clock_timestamp() + $4::float8 * interval '1 second') \
                        ON CONFLICT (id) DO UPDATE SET name = excluded.name, card = excluded.card, expires = excluded.expires";

const SERVERS: &str = "SELECT card FROM server WHERE expires > clock_timestamp()";
