//! Makes [`Operation`](crate::Operation) and [`OperationKind`](crate::OperationKind) from the table of the kinds.

/// Each line `file::Type` is one kind: `file` is its name everywhere, `Type` implements
/// [`OperationDefinition`](crate::OperationDefinition).
macro_rules! kinds {
    ($($name:ident::$kind:ident,)+) => {
        use rand::Rng;
        use serde::{Deserialize, Serialize};
        use utoipa::{PartialSchema, ToSchema, openapi::{RefOr, Schema}};

        use crate::{CliForm, OperationDefinition};

        $(
            mod $name;
            pub use $name::$kind;
        )+

        /// One operation of a job. `kind` says which; the other fields depend on it.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Operation {
            $(
                $kind($kind),
            )+
        }

        /// The name of a kind of operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum OperationKind {
            $(
                $kind,
            )+
        }

        impl OperationKind {
            /// All kinds, in the order of the table.
            pub const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$kind),+];

            /// The kind's name in JSON, subjects and labels.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($name),)+ }
            }

            /// How the kind is written on a command line.
            pub const fn cli(self) -> CliForm {
                match self { $(Self::$kind => <$kind as OperationDefinition>::CLI,)+ }
            }

            /// The kind's weight in the default mix of the load generator.
            pub const fn load_weight(self) -> u32 {
                match self { $(Self::$kind => <$kind as OperationDefinition>::LOAD_WEIGHT,)+ }
            }

            /// Whether an operation of this kind that is done has an image.
            pub const fn has_image(self) -> bool {
                match self { $(Self::$kind => <$kind as OperationDefinition>::HAS_IMAGE,)+ }
            }

            /// The operation that the kind's example on a command line writes.
            pub fn example(self) -> Operation {
                match self { $(Self::$kind => $kind::example().into(),)+ }
            }

            /// A small operation of this kind with random arguments. It does not fail.
            pub fn random(self, rng: &mut dyn Rng) -> Operation {
                match self { $(Self::$kind => $kind::random(rng).into(),)+ }
            }

            pub(crate) fn parse_arguments(self, arguments: &str) -> Option<Operation> {
                match self { $(Self::$kind => $kind::from_cli(arguments).map(Operation::from),)+ }
            }
        }

        impl Operation {
            /// The kind of this operation.
            pub const fn kind(&self) -> OperationKind {
                match self { $(Self::$kind(_) => OperationKind::$kind,)+ }
            }

            /// See [`OperationDefinition::summary`].
            pub fn summary(&self) -> String {
                match self { $(Self::$kind(operation) => operation.summary(),)+ }
            }

            pub(crate) fn check_arguments(&self) -> Result<(), json_body::BodyError> {
                match self { $(Self::$kind(operation) => operation.check(),)+ }
            }

            #[cfg(feature = "run")]
            pub(crate) async fn run_checked(
                &self,
                context: &crate::run::OperationContext,
            ) -> Result<serde_json::Value, crate::run::OperationError> {
                match self { $(Self::$kind(operation) => operation.run(context).await,)+ }
            }
        }

        $(
            impl From<$kind> for Operation {
                fn from(operation: $kind) -> Self {
                    Self::$kind(operation)
                }
            }
        )+

        impl PartialSchema for Operation {
            fn schema() -> RefOr<Schema> {
                crate::schema::one_of([$((stringify!($name), $kind::schema())),+])
            }
        }

        impl ToSchema for Operation {}
    };
}

pub(crate) use kinds;
