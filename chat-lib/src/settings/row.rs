//! What becomes of the rows: [`Limits`](super::Limits), [`Settings`](super::Settings) and its table of descriptors.

macro_rules! settings {
    (
        limits { $($limit:ident: $limit_type:ty as $limit_form:ident = $limit_default:expr,
            $limit_what:literal, $limit_why:literal;)* }
        chat { $($chat:ident: $chat_type:ty as $chat_form:ident = $chat_default:expr,
            $chat_what:literal, $chat_why:literal;)* }
        directory { $($directory:ident: $directory_type:ty as $directory_form:ident = $directory_default:expr,
            $directory_what:literal, $directory_why:literal;)* }
    ) => {
        /// The settings that limit what peers and users can take.
        ///
        /// ```
        /// use chat_lib::limits::Limits;
        ///
        /// let limits = Limits { line_bytes: 1024, ..Limits::default() };
        /// assert_eq!(limits.reply_bytes, 1024 * 1024);
        /// ```
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub struct Limits {
            $(
                #[doc = $limit_what]
                #[doc = concat!("\n\nDefault `", stringify!($limit_default), "`. ", $limit_why)]
                pub $limit: $limit_type,
            )*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($limit: $limit_default),* }
            }
        }

        /// Every setting of a chat and its server.
        ///
        /// ```
        /// use chat_lib::model::Registration;
        /// use chat_lib::settings::Settings;
        /// use chat_lib::store::Memory;
        /// use chat_lib::{Chat, Config};
        ///
        /// let mut settings = Settings::default();
        /// settings.registration = Registration::Open;
        /// settings.limits.mailbox_messages = 1_000;
        /// let chat = Chat::new(Config::new(Box::new(Memory::new()), &settings));
        /// # drop(chat);
        /// ```
        #[derive(Clone, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Settings {
            /// What limits peers and users.
            pub limits: Limits,
            $(
                #[doc = $chat_what]
                #[doc = concat!("\n\nDefault `", stringify!($chat_default), "`. ", $chat_why)]
                pub $chat: $chat_type,
            )*
            $(
                #[doc = $directory_what]
                #[doc = concat!("\n\nDefault `", stringify!($directory_default), "`. ", $directory_why)]
                #[cfg(feature = "sqlite")]
                pub $directory: $directory_type,
            )*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    limits: Limits::default(),
                    $($chat: $chat_default,)*
                    $(#[cfg(feature = "sqlite")] $directory: $directory_default,)*
                }
            }
        }

        impl Settings {
            /// The table. Those of [`Scope::Directory`] are in it with the feature `sqlite` only.
            pub const ALL: &'static [Setting] = &[
                $(row!($limit, $limit_form, Scope::Limits, $limit_what, $limit_why, limits),)*
                $(row!($chat, $chat_form, Scope::Chat, $chat_what, $chat_why),)*
                $(
                    #[cfg(feature = "sqlite")]
                    row!($directory, $directory_form, Scope::Directory, $directory_what, $directory_why),
                )*
            ];
        }
    };
}

macro_rules! row {
    ($name:ident, $form:ident, $scope:expr, $what:literal, $why:literal $(, $part:ident)?) => {
        Setting {
            name: stringify!($name),
            kind: form::$form::KIND,
            scope: $scope,
            what: $what,
            why: $why,
            get: |settings| form::$form::text(&settings$(.$part)?.$name),
            set: |settings, text| form::$form::parse(text).map(|value| settings$(.$part)?.$name = value),
        }
    };
}

pub(super) use {row, settings};
