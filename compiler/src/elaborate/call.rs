//! Calls: arguments are bound to signatures, ops become nodes, blocks are instantiated, layers shared.

use std::rc::Rc;
use std::sync::Arc;

use super::Elaborator;
use super::bind::words_of;
use super::scope::Scope;
use super::value::{EvalArg, Layer, Value};
use crate::ast;
use crate::diag::{Diag, Frame, codes};
use crate::ir::graph::Via;
use crate::ops::{self, Args, Op, OpDef};
use crate::resolve::BlockRef;
use crate::source::Span;

/// What a call's result is named by, when it is not named by its callee.
type Label<'a> = Option<&'a str>;

impl Elaborator<'_> {
    pub(super) fn eval_args(&mut self, args: &[ast::Arg]) -> Vec<EvalArg> {
        args.iter()
            .map(|arg| {
                // A bare word may be a variant of the parameter's enumeration: who binds it decides.
                let (value, span) = self.eval_open(&arg.value);
                EvalArg { name: arg.name.clone(), value, span, whole: arg.value.span }
            })
            .collect()
    }

    pub(super) fn call(&mut self, call: &ast::Call, piped: Option<(Value, Span)>, span: Span) -> Value {
        let mut args: Vec<EvalArg> =
            piped.into_iter().map(|(value, span)| EvalArg { name: None, value, span, whole: span }).collect();
        args.extend(self.eval_args(&call.args));
        if self.stopped {
            return Value::Poison;
        }
        let name = call.callee.node.as_str();
        let label = call.label.as_ref().map(|label| label.node.as_str());
        match self.scope.get(name).map(|binding| (binding.value.clone(), binding.span)) {
            Some((Value::Layer(layer), _)) => return self.call_layer(&layer, args, label, span),
            Some((Value::Poison, _)) => return Value::Poison,
            Some((other @ Value::Absent(_), bound)) => {
                let seen = self.visible_callee(name, other, bound, call.callee.span);
                return seen;
            }
            Some((other, bound)) => {
                let function = super::builtins::NAMES.contains(&name);
                if !function && self.find_block(name).is_none() && ops::def(name).is_none() {
                    let kind = self.kind(&other);
                    let mut diag = Diag::new(
                        &codes::NAME_CALL,
                        format!("`{name}` is {kind}, which cannot be called"),
                        call.callee.span,
                        "called here",
                    );
                    if let Some(bound) = bound {
                        diag = diag.because(bound, "bound here");
                    }
                    self.report(diag);
                    return Value::Poison;
                }
            }
            None => {}
        }
        self.call_named(&call.callee, args, label, span)
    }

    fn visible_callee(&mut self, name: &str, value: Value, bound: Option<Span>, span: Span) -> Value {
        if let Value::Absent(absent) = value {
            let mut diag = Diag::new(
                &codes::NAME_GUARDED,
                format!("`{name}` does not exist: its guard does not hold"),
                span,
                "used here without the guard",
            )
            .because(absent.guard, "is false");
            if let Some(bound) = bound {
                diag = diag.because(bound, "bound here");
            }
            self.report(diag);
        }
        Value::Poison
    }

    /// Calls a block, op or builtin.
    fn call_named(&mut self, callee: &ast::Ident, args: Vec<EvalArg>, label: Label<'_>, span: Span) -> Value {
        let name = callee.node.as_str();
        if let Some(block) = self.find_block(name) {
            return self.call_block(&block, name, args, label, span, None);
        }
        if let Some(def) = ops::def(name) {
            return self.call_op(def, args, label, span, None);
        }
        if let Some(value) = self.builtin(name, &args, span) {
            return value;
        }
        self.unknown_name(name, callee.span);
        Value::Poison
    }

    fn find_block(&self, name: &str) -> Option<BlockRef> {
        self.program.modules.get(self.module)?.blocks.get(name).cloned()
    }

    fn call_layer(&mut self, layer: &Rc<Layer>, args: Vec<EvalArg>, label: Label<'_>, span: Span) -> Value {
        // The call's own arguments come first: they are the inputs.
        let mut all = args;
        all.extend(layer.args.iter().cloned());
        let name = label.unwrap_or(&layer.name).to_owned();
        let outer = std::mem::replace(&mut self.module, layer.module);
        let value = if let Some(block) = self.find_block(&layer.callee.node) {
            self.call_block(&block, &layer.callee.node, all, Some(&name), span, Some(&layer.params))
        } else if let Some(def) = ops::def(&layer.callee.node) {
            self.call_op(def, all, Some(&name), span, Some(&layer.params))
        } else {
            self.unknown_name(&layer.callee.node, layer.callee.span);
            Value::Poison
        };
        self.module = outer;
        value
    }

    fn call_op(
        &mut self,
        def: &'static OpDef,
        args: Vec<EvalArg>,
        label: Label<'_>,
        span: Span,
        shared: Option<&Rc<str>>,
    ) -> Value {
        let Some((operands, values)) = self.bind_op(def, args, span) else { return Value::Poison };
        let op = match Op::build(def.name, &Args::new(span, values)) {
            Some(Ok(op)) => op,
            Some(Err(diag)) => {
                self.report(diag);
                return Value::Poison;
            }
            None => return Value::Poison,
        };
        let name = label.unwrap_or(def.name);
        if let Op::Kl(kl) = &op
            && kl.by == crate::plan::instr::KlMethod::Variational
        {
            self.lint_variational(span);
        }
        let flows = self.add(op, name, &operands, span, shared);
        match flows {
            None => Value::Poison,
            Some(flows) if flows.len() == 1 => flows.first().copied().map_or(Value::Poison, Value::Wire),
            Some(flows) => {
                let parts =
                    def.outputs.iter().zip(flows).map(|(name, flow)| ((*name).to_owned(), Value::Wire(flow)));
                Value::Tuple(Rc::new(parts.collect()))
            }
        }
    }

    fn lint_variational(&mut self, span: Span) {
        self.report(
            Diag::new(
                &codes::LINT_VARIATIONAL,
                "`variational` is no bound of the divergence and can be negative: training on it leaves the true divergence large",
                span,
                "trained on",
            )
            .help("train on `matched`; report `variational` if you want to compare"),
        );
    }

    /// Instantiates a block.
    fn call_block(
        &mut self,
        found: &BlockRef,
        name: &str,
        args: Vec<EvalArg>,
        label: Label<'_>,
        span: Span,
        shared: Option<&Rc<str>>,
    ) -> Value {
        if self.blocks.iter().any(|block| Arc::ptr_eq(block, &found.block)) {
            // Names were looked at first: the circle is known, wherever it was entered.
            if self.diags.iter().any(|diag| diag.code.id == codes::BLOCK_RECURSION.id) {
                return Value::Poison;
            }
            self.report(
                Diag::new(
                    &codes::BLOCK_RECURSION,
                    format!("block `{name}` calls itself"),
                    span,
                    "leads back into it",
                )
                .because(found.span, "defined here")
                .help("repeat with `for` or `fold`, whose number of turns is known"),
            );
            return Value::Poison;
        }
        if self.depth >= self.limits.depth {
            let limit = self.limits.depth;
            self.stop(&codes::LIMIT_DEPTH, format!("blocks are nested more than {limit} deep"), span);
            return Value::Poison;
        }
        let block = Arc::clone(&found.block);
        let Some(bound) = self.bind_block(&block, name, args, span) else { return Value::Poison };
        let path = self.unique(label.unwrap_or(name));
        let scope = Scope::for_block(&self.scope);
        let outer_scope = std::mem::replace(&mut self.scope, scope);
        let outer_path = std::mem::replace(&mut self.at.path, Rc::clone(&path));
        let outer_module = std::mem::replace(&mut self.module, found.module);
        let outer_layer = shared.map(|params| self.at.layer.replace((path, Rc::clone(params))));
        let parent = self.via.take();
        self.via = Some(Arc::new(Via {
            frame: Frame { block: name.to_owned(), call: span },
            parent: parent.clone(),
        }));
        self.depth += 1;
        self.blocks.push(Arc::clone(&block));
        for (param, value) in block.params.iter().zip(bound) {
            let value = match value {
                Some(value) => value,
                // Defaults see the parameters before them.
                None => match &param.default {
                    Some(default) => {
                        let words = words_of(&param.ty.node);
                        let (value, span) = self.eval_word(default, &words);
                        self.check_type(&value, &param.ty, span, &param.name.node)
                    }
                    None => Value::Poison,
                },
            };
            if matches!(param.ty.node, ast::Type::Shaped { .. } | ast::Type::Class { .. }) {
                self.assert_shape(&value, &param.ty, span, None);
            }
            self.bind(&param.name, value);
        }
        let only = (block.outputs.len() == 1).then(|| Arc::clone(&block));
        let outer_only = std::mem::replace(&mut self.only_result, only);
        for statement in &block.body {
            self.statement(statement);
        }
        self.only_result = outer_only;
        let results = self.block_results(&block, name);
        self.blocks.pop();
        self.depth -= 1;
        self.via = parent;
        if let Some(outer) = outer_layer {
            self.at.layer = outer;
        }
        self.module = outer_module;
        self.at.path = outer_path;
        self.scope = outer_scope;
        results.made_at(span)
    }

    fn block_results(&mut self, block: &ast::Block, name: &str) -> Value {
        let mut results = Vec::new();
        for (output, ty) in &block.outputs {
            let value = match self.scope.get(&output.node).map(|binding| binding.value.clone()) {
                Some(Value::Absent(absent)) => {
                    self.report(
                        Diag::new(
                            &codes::BLOCK_OUTPUT,
                            format!(
                                "`{name}` does not bind its result `{}`: the guard does not hold",
                                output.node
                            ),
                            output.span,
                            "promised here",
                        )
                        .because(absent.guard, "is false"),
                    );
                    Value::Poison
                }
                Some(value) => self.check_type(&value, ty, output.span, &output.node),
                None => {
                    self.report(
                        Diag::new(
                            &codes::BLOCK_OUTPUT,
                            format!("`{name}` does not bind its result `{}`", output.node),
                            output.span,
                            "promised here",
                        )
                        .help(format!("bind it in the body: `let {} = ...`", output.node)),
                    );
                    Value::Poison
                }
            };
            results.push(value);
        }
        if results.len() == 1 {
            return results.pop().unwrap_or(Value::Poison);
        }
        let names = block.outputs.iter().map(|(output, _)| output.node.clone());
        Value::Tuple(Rc::new(names.zip(results).collect()))
    }

    /// Is this name the only result of the block that is being instantiated?
    pub(super) fn is_only_result(&self, name: &str) -> bool {
        let block = self.only_result.as_ref();
        block.and_then(|block| block.outputs.first()).is_some_and(|(output, _)| output.node == name)
    }
}
