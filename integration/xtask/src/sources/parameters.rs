//! What a function may be given: at most four parameters beside `self`, each with a name of its own.
//!
//! A tuple in place of several parameters says nothing at the call, so it is refused, also behind a reference. What belongs
//! together is a type that says what it is. Methods of foreign traits are as they are; closures are free.

use syn::visit::{self, Visit};

const MOST: usize = 4;

/// One line for each function of the file that breaks the rule.
pub(super) fn violations(shown: &str, file: &syn::File) -> Vec<String> {
    let mut look = Look {
        shown,
        foreign: false,
        broken: Vec::new(),
    };
    look.visit_file(file);
    look.broken
}

struct Look<'a> {
    shown: &'a str,
    /// In the implementation of a trait: its declaration is looked at, if it is ours.
    foreign: bool,
    broken: Vec<String>,
}

impl Look<'_> {
    fn judge(&mut self, signature: &syn::Signature) {
        if self.foreign {
            return;
        }
        let place = format!("{}: fn {}", self.shown, signature.ident);
        let typed: Vec<&syn::PatType> = signature.inputs.iter().filter_map(typed).collect();
        if typed.len() > MOST {
            let many = typed.len();
            self.broken.push(format!(
                "{place} takes {many} parameters; more than {MOST} belong into a type that says what they are"
            ));
        }
        if typed.iter().any(|one| is_tuple(&one.ty)) {
            self.broken.push(format!(
                "{place} takes a tuple; give each part a name of its own, or both a type that says what they are"
            ));
        }
    }
}

fn typed(argument: &syn::FnArg) -> Option<&syn::PatType> {
    match argument {
        syn::FnArg::Typed(typed) => Some(typed),
        syn::FnArg::Receiver(_) => None,
    }
}

fn is_tuple(kind: &syn::Type) -> bool {
    match kind {
        syn::Type::Tuple(tuple) => !tuple.elems.is_empty(),
        syn::Type::Reference(reference) => is_tuple(&reference.elem),
        syn::Type::Paren(inner) => is_tuple(&inner.elem),
        syn::Type::Group(inner) => is_tuple(&inner.elem),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Look<'_> {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let outside = std::mem::replace(&mut self.foreign, item.trait_.is_some());
        visit::visit_item_impl(self, item);
        self.foreign = outside;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let outside = std::mem::replace(&mut self.foreign, false);
        self.judge(&item.sig);
        visit::visit_item_fn(self, item);
        self.foreign = outside;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.judge(&item.sig);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.judge(&item.sig);
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<String> {
        violations("a.rs", &syn::parse_file(text).expect("Rust"))
    }

    #[test]
    fn a_tuple_in_place_of_parameters_is_refused() {
        let samples = [
            "fn f((a, b): (u8, u8)) {}",
            "fn f(both: (u8, u8)) {}",
            "fn f(both: &(u8, u8)) {}",
            "impl A { fn f(&self, (a, b): (u8, u8)) {} }",
            "trait T { fn f(&self, both: (u8, u8)); }",
            "impl T for A { fn g() { fn f((a, b): (u8, u8)) {} } }",
            "#[cfg(test)] mod tests { fn f((a, b): (u8, u8)) {} }",
            "async fn f((State(a), State(b)): (State<A>, State<B>)) {}",
        ];
        for sample in samples {
            let broken = broken(sample);
            assert_eq!(broken.len(), 1, "{sample}: {broken:?}");
            assert!(broken[0].starts_with("a.rs: fn f takes a tuple"), "{broken:?}");
        }
    }

    #[test]
    fn a_fifth_parameter_is_one_too_many() {
        let broken = broken("impl A { fn f(&self, a: u8, b: u8, c: u8, d: u8, e: u8) {} }");
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].starts_with("a.rs: fn f takes 5 parameters"), "{broken:?}");
    }

    #[test]
    fn parameters_with_names_methods_of_traits_and_closures_pass() {
        let samples = [
            "impl A { fn f(&self, a: u8, b: u8, c: u8, d: u8) {} }",
            "fn f(pairs: &[(u8, u8)], none: (), point: Point) -> (u8, u8) { (1, 2) }",
            "fn f(Point { x, y }: Point) {}",
            "impl Foreign for A { fn f(&self, (a, b): (u8, u8), c: u8, d: u8, e: u8, f: u8) {} }",
            "fn f() { let sum = |(a, b): (u8, u8)| a + b; }",
        ];
        for sample in samples {
            assert_eq!(broken(sample), Vec::<String>::new(), "{sample}");
        }
    }
}
