//! View: a catalog that was published and never changes again, with what is known of its age.

use std::ops::Deref;

use crate::catalog::state::Catalog;
use crate::model::number::Revision;

/// An immutable, published catalog.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The state.
    catalog: Catalog,
    /// Whether it is known to be what a cluster agreed on, rather than the emptiness before that.
    is_ready: bool,
}

impl View {
    /// Publishes a catalog that a cluster agreed on.
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self { catalog, is_ready: true }
    }

    /// What there is before anything is known: no answer may be made of it (DESIGN §3, rule 5).
    #[must_use]
    pub fn unready() -> Self {
        Self::default()
    }

    /// Whether answers may be made of it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// The log position that it shows.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.catalog.tables().applied
    }
}

impl Deref for View {
    type Target = Catalog;
    fn deref(&self) -> &Catalog {
        &self.catalog
    }
}
