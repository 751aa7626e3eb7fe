//! Every code of the compiler, with its page.
//!
//! Codes are never renamed or reused. A code without a page in `docs/errors/` does not compile.

/// Does it stop the compilation?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not, but deserves a look.
    Warning,
}

/// A stable code and the page that explains it.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Such as `phg::shape::mismatch`.
    pub id: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// One line.
    pub summary: &'static str,
    /// The page, in Markdown.
    pub page: &'static str,
}

macro_rules! codes {
    ($($name:ident $severity:ident $family:literal $short:literal: $summary:literal;)*) => {
        $(
            #[doc = $summary]
            pub static $name: Code = Code {
                id: concat!("phg::", $family, "::", $short),
                severity: Severity::$severity,
                summary: $summary,
                page: include_str!(concat!("../../../docs/errors/", $family, "/", $short, ".md")),
            };
        )*
        /// All codes, family by family.
        pub static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    PARSE_SYNTAX Error "parse" "syntax": "the text is not in the language";
    PARSE_ENCODING Error "parse" "encoding": "the file is not UTF-8 text";
    PARSE_SIZE Error "parse" "size": "the file is too large";
    PARSE_NESTING Error "parse" "nesting": "brackets or operations nest too deeply";
    PARSE_BRACKET Error "parse" "bracket": "a bracket has no partner";
    PARSE_STRING Error "parse" "string": "a string is not closed, or has an unknown escape";
    PARSE_NUMBER Error "parse" "number": "a number is malformed or out of range";
    PARSE_CHARACTER Error "parse" "character": "a character that the language does not use";
    PARSE_DOC_COMMENT Error "parse" "doc_comment": "a doc comment with nothing below it to describe";
    PARSE_RESERVED Error "parse" "reserved": "a reserved word used as a name";
    PARSE_OPERATOR Error "parse" "operator": "an operator of another language";
    PARSE_COMMA Error "parse" "comma": "a comma is missing or one too many";
    PARSE_EQUALS Error "parse" "equals": "`=`, `:` and `==` confused";
    PARSE_MISSING_LET Error "parse" "missing_let": "a binding without `let`";
    PARSE_MISSING_ELSE Error "parse" "missing_else": "an `if` without `else`";
    PARSE_PLACEMENT Error "parse" "placement": "something that does not belong at this place of a spec";
    PARSE_PIPE_STAGE Error "parse" "pipe_stage": "the right side of `|>` is not something to call";
    PARSE_CALL_SPACE Error "parse" "call_space": "a space before the bracket of a call or an index";
    PARSE_ARGUMENT_ORDER Error "parse" "argument_order": "a positional argument after a named one";
    PARSE_CHAIN Error "parse" "chain": "comparisons or ranges in a chain";
    PARSE_PIPE_OPERAND Warning "parse" "pipe_operand": "a sum or other loose expression sent into a pipe without brackets";
    TYPE_OPERAND Error "type" "operand": "an operation was given a value of the wrong kind";
    TYPE_LABELS Error "type" "labels": "labels are classes and cannot be treated as quantities";
    TYPE_ARGUMENT Error "type" "argument": "an argument has the wrong type";
    TYPE_VALUE Error "type" "value": "a compile-time value has the wrong type here";
    SHAPE_MISMATCH Error "shape" "mismatch": "operands disagree on a size";
    SHAPE_EMPTY Error "shape" "empty": "nothing would be left of a map";
    SHAPE_ASSERTION Error "shape" "assertion": "a stated shape does not hold";
    PARAM_VALUE Error "param" "value": "a parameter's value is not allowed";
    PARAM_UNKNOWN Error "param" "unknown": "there is no such parameter";
    PARAM_MISSING Error "param" "missing": "an argument that has no default is missing";
    PARAM_DUPLICATE Error "param" "duplicate": "an argument is given twice";
    PARAM_EXTRA Error "param" "extra": "more positional arguments than parameters";
    NAME_UNKNOWN Error "name" "unknown": "there is no such name";
    NAME_DUPLICATE Error "name" "duplicate": "a name is bound twice in one scope";
    NAME_GUARDED Error "name" "guarded": "a name is used where its guard does not hold";
    NAME_PHASE Error "name" "phase": "a name is used where it does not exist";
    NAME_CALL Error "name" "call": "something that cannot be called is called";
    NAME_SECTION Error "name" "section": "there is no such section";
    NAME_FIELD Error "name" "field": "a value has no such field";
    IMPORT_MISSING Error "import" "missing": "an imported file cannot be read";
    IMPORT_UNKNOWN Error "import" "unknown": "an imported name is not in the file";
    IMPORT_CYCLE Error "import" "cycle": "files import one another in a circle";
    IMPORT_EXTEND Error "import" "extend": "an `extend` stands beside other items";
    BLOCK_RECURSION Error "block" "recursion": "a block calls itself";
    BLOCK_OUTPUT Error "block" "output": "a block does not bind one of its results";
    BLOCK_SHARED Error "block" "shared": "a layer is called with operands that need other weights";
    VALUE_INDEX Error "value" "index": "a list has no such entry";
    VALUE_PATTERN Error "value" "pattern": "a pattern does not fit the value";
    VALUE_DIVISION Error "value" "division": "a division has no whole result";
    VALUE_ASSERTION Error "value" "assertion": "a stated condition does not hold";
    VALUE_OVERFLOW Error "value" "overflow": "a number is too large";
    LOSS_KIND Error "loss" "kind": "a term of the loss is not a loss";
    LOSS_MISSING Error "loss" "missing": "a network cannot be trained without a loss";
    OUTPUT_MISSING Error "output" "missing": "a network needs an output";
    OUTPUT_KIND Error "output" "kind": "an output is not a map of class scores";
    INPUT_KIND Error "input" "kind": "an input is not an image or class labels";
    TRAIN_UNKNOWN Error "train" "unknown": "there is no such training setting";
    TRAIN_PART Error "train" "part": "a training setting names no part of the network";
    TRAIN_VALUE Error "train" "value": "a training setting has an unusable value";
    SIZE_CONSTRAINT Error "size" "constraint": "the sizes at hand break a constraint of the spec";
    SIZE_IMPOSSIBLE Error "size" "impossible": "no size of image meets what the spec asks for";
    LIMIT_NODES Error "limit" "nodes": "the network has more operations than the limit";
    LIMIT_DEPTH Error "limit" "depth": "blocks are nested more deeply than the limit";
    LIMIT_STEPS Error "limit" "steps": "elaboration takes more steps than the limit";
    LIMIT_PARAMETERS Error "limit" "parameters": "the network has more parameters than the limit";
    LIMIT_TENSOR Error "limit" "tensor": "a tensor is larger than the limit";
    LINT_UNUSED_PARAM Warning "lint" "unused_param": "a parameter is never used";
    LINT_UNUSED_NAME Warning "lint" "unused_name": "a name is never used";
    LINT_UNUSED_BLOCK Warning "lint" "unused_block": "a block is never used";
    LINT_UNUSED_INPUT Warning "lint" "unused_input": "an input is never read";
    LINT_NORM_SINGLE Warning "lint" "norm_single": "batch statistics of a single value";
    LINT_FEW_SIZES Warning "lint" "few_sizes": "two maps fit for a few sizes of image only";
    LINT_PROBABILITIES Warning "lint" "probabilities": "a loss of logits is given probabilities";
    LINT_VARIATIONAL Warning "lint" "variational": "a divergence that is no bound is trained on";
    LINT_UNTAUGHT Warning "lint" "untaught": "a section that no loss teaches";
    LINT_FLIP Warning "lint" "flip": "the spec breaks when a switch is turned";
}
