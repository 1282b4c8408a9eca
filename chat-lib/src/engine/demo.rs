use super::{Chat, NewUser};
use crate::error::Error;
use crate::model::PasswordHash;

impl Chat {
    /// Adds the three users that the protocol's first description logs in: `messi`, `henderson` and
    /// `lineker`. Their password is public, and hashed at the lowest cost: never on a network.
    ///
    /// # Errors
    ///
    /// As [`add_user`](Self::add_user).
    pub fn add_demo_users(&self) -> Result<(), Error> {
        for (name, full_name, country) in USERS {
            self.add(NewUser { name, password: "surabaya", full_name, country }, PasswordHash::of_public_password)?;
        }
        Ok(())
    }
}

const USERS: [(&str, &str, &str); 3] = [
    ("messi", "Lionel Messi", "Argentina"),
    ("henderson", "Jordan Henderson", "Inggris"),
    ("lineker", "Gary Lineker", "Inggris"),
];
