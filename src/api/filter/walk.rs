//! Item × Comparison → whether it is met: a serde serializer that goes down one path of an item and compares what is
//! there. What is beside the path is not serialised at all.

use std::fmt;

use serde::ser::{Impossible, SerializeMap, SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::api::filter::compile::{Comparison, Step, Test};

/// Whether an item meets a comparison.
///
/// # Errors
/// [`Unfit`], where what is there is of another type than was expected: a bug in a shape.
pub(in crate::api::filter) fn meets<T: Serialize>(
    item: &T,
    comparison: &Comparison,
) -> Result<bool, Unfit> {
    item.serialize(Walk { steps: &comparison.steps, goal: Goal::Meets(comparison) })
}

/// That an item is not of the shape that a filter was read for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(String);

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a filter met what its shape does not have: {}", self.0)
    }
}

impl std::error::Error for Unfit {}

impl serde::ser::Error for Unfit {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

/// A walk through an item.
#[derive(Clone, Copy)]
struct Walk<'c> {
    /// The names that are still to be found.
    steps: &'c [Step],
    /// What is asked of what is there.
    goal: Goal<'c>,
}

/// What is asked at the end of a walk.
#[derive(Clone, Copy)]
enum Goal<'c> {
    /// Whether it meets a comparison.
    Meets(&'c Comparison),
    /// Whether it is this text: an element of a list, or the key of a map.
    Is(&'c str),
}

impl<'c> Walk<'c> {
    /// Turns what a test came to into what was asked.
    fn conclude(self, outcome: bool) -> bool {
        match self.goal {
            Goal::Meets(comparison) => outcome != comparison.is_negated,
            Goal::Is(_) => outcome,
        }
    }

    fn text(self, found: &str) -> Result<bool, Unfit> {
        let outcome = match (self.steps, self.goal) {
            ([], Goal::Is(text)) => text == found,
            ([], Goal::Meets(comparison)) => match &comparison.test {
                Test::Text(text) => text == found,
                Test::Contains(text) => found.contains(text.as_str()),
                Test::Matches(regex) => regex.is_match(found),
                Test::Number(_) | Test::Truth(_) | Test::Empty => return unfit("a text"),
            },
            ([_, ..], _) => return unfit("a text"),
        };
        Ok(self.conclude(outcome))
    }

    fn number(self, found: Option<i64>) -> Result<bool, Unfit> {
        match (self.steps, self.goal) {
            ([], Goal::Meets(Comparison { test: Test::Number(number), .. })) => {
                Ok(self.conclude(found == Some(*number)))
            }
            _ => unfit("a number"),
        }
    }

    /// What JSON shows as `null`: nothing was stated.
    fn nothing(self) -> Result<bool, Unfit> {
        match (self.steps, self.goal) {
            ([step, ..], _) => Ok(step.absent),
            ([], Goal::Meets(comparison)) => match comparison.test {
                Test::Empty => Ok(self.conclude(true)),
                Test::Contains(_) => Ok(self.conclude(false)),
                Test::Text(_) | Test::Number(_) | Test::Truth(_) | Test::Matches(_) => {
                    unfit("nothing")
                }
            },
            ([], Goal::Is(_)) => unfit("nothing"),
        }
    }

    fn begin(self) -> Inside<'c> {
        Inside { walk: self, found: false, outcome: None, count: 0 }
    }

    /// Whether a text is the one that a list or map shall have.
    fn is_wanted<T: Serialize + ?Sized>(self, found: &T) -> Result<bool, Unfit> {
        match self.goal {
            Goal::Meets(Comparison { test: Test::Contains(text), .. }) => {
                found.serialize(Walk { steps: &[], goal: Goal::Is(text) })
            }
            Goal::Meets(_) | Goal::Is(_) => Ok(false),
        }
    }
}

fn unfit<T>(what: &str) -> Result<T, Unfit> {
    Err(Unfit(what.to_owned()))
}

/// A walk inside of a list, a map or an object.
struct Inside<'c> {
    /// The walk.
    walk: Walk<'c>,
    /// Whether what was looked for was found among elements or keys; of a map with steps to go: whether the key that
    /// was just met is the next of them.
    found: bool,
    /// What came of the step that was found.
    outcome: Option<bool>,
    /// How many elements or entries there are.
    count: usize,
}

impl Inside<'_> {
    /// What a list or map as a whole comes to.
    fn whole(&self) -> Result<bool, Unfit> {
        match self.walk.goal {
            Goal::Meets(comparison) => match comparison.test {
                Test::Empty => Ok(self.walk.conclude(self.count == 0)),
                Test::Contains(_) => Ok(self.walk.conclude(self.found)),
                Test::Text(_) | Test::Number(_) | Test::Truth(_) | Test::Matches(_) => {
                    unfit("a list or map")
                }
            },
            Goal::Is(_) => unfit("a list or map"),
        }
    }
}

impl SerializeSeq for Inside<'_> {
    type Ok = bool;
    type Error = Unfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Unfit> {
        self.count += 1;
        if !self.found {
            let is_whole = self.walk.steps.is_empty();
            self.found = if is_whole {
                self.walk.is_wanted(element)?
            } else {
                element.serialize(self.walk)?
            };
        }
        Ok(())
    }

    fn end(self) -> Result<bool, Unfit> {
        // Any of the elements.
        if self.walk.steps.is_empty() { self.whole() } else { Ok(self.found) }
    }
}

impl SerializeMap for Inside<'_> {
    type Ok = bool;
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        self.count += 1;
        match self.walk.steps {
            [] => self.found = self.found || self.walk.is_wanted(key)?,
            [step, ..] => {
                self.found = key.serialize(Walk { steps: &[], goal: Goal::Is(&step.name) })?;
            }
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        if let ([_, steps @ ..], true) = (self.walk.steps, self.found) {
            self.outcome = Some(value.serialize(Walk { steps, ..self.walk })?);
        }
        Ok(())
    }

    fn end(self) -> Result<bool, Unfit> {
        match self.walk.steps {
            [] => self.whole(),
            [step, ..] => Ok(self.outcome.unwrap_or(step.absent)),
        }
    }
}

impl SerializeStruct for Inside<'_> {
    type Ok = bool;
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        if let [step, steps @ ..] = self.walk.steps
            && step.name == name
        {
            self.outcome = Some(value.serialize(Walk { steps, ..self.walk })?);
        }
        Ok(())
    }

    fn end(self) -> Result<bool, Unfit> {
        match self.walk.steps {
            [] => unfit("an object"),
            [step, ..] => Ok(self.outcome.unwrap_or(step.absent)),
        }
    }
}

/// Whole numbers of all widths, as one.
macro_rules! numbers {
    ($($method:ident: $number:ty),*) => {$(
        fn $method(self, number: $number) -> Result<bool, Unfit> {
            self.number(i64::try_from(number).ok())
        }
    )*};
}

/// What no item of ours has.
macro_rules! strangers {
    ($($method:ident($($argument:ty),*) -> $answer:ty),*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$answer, Unfit> {
            unfit(stringify!($method))
        }
    )*};
}

impl<'c> Serializer for Walk<'c> {
    type Ok = bool;
    type Error = Unfit;
    type SerializeSeq = Inside<'c>;
    type SerializeMap = Inside<'c>;
    type SerializeStruct = Inside<'c>;
    type SerializeTuple = Impossible<bool, Unfit>;
    type SerializeTupleStruct = Impossible<bool, Unfit>;
    type SerializeTupleVariant = Impossible<bool, Unfit>;
    type SerializeStructVariant = Impossible<bool, Unfit>;

    numbers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    );

    strangers!(
        serialize_f32(f32) -> bool,
        serialize_f64(f64) -> bool,
        serialize_bytes(&[u8]) -> bool,
        serialize_tuple(usize) -> Self::SerializeTuple,
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant
    );

    fn serialize_bool(self, found: bool) -> Result<bool, Unfit> {
        match (self.steps, self.goal) {
            ([], Goal::Meets(Comparison { test: Test::Truth(truth), .. })) => {
                Ok(self.conclude(found == *truth))
            }
            _ => unfit("a truth"),
        }
    }

    fn serialize_char(self, letter: char) -> Result<bool, Unfit> {
        self.text(letter.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<bool, Unfit> {
        self.text(text)
    }

    fn serialize_none(self) -> Result<bool, Unfit> {
        self.nothing()
    }

    fn serialize_unit(self) -> Result<bool, Unfit> {
        self.nothing()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<bool, Unfit> {
        self.nothing()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<bool, Unfit> {
        self.text(name)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<bool, Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<bool, Unfit> {
        unfit("a variant")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Unfit> {
        Ok(self.begin())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unfit> {
        Ok(self.begin())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Unfit> {
        Ok(self.begin())
    }
}
