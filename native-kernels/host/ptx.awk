# Turns PTX, what nvcc made of the kernels, into C++ for the emulated device: every instruction becomes a call of the function of its name in ptx.h.
# usage: awk -f ptx.awk KERNELS.ptx

# Operands as C++ has them. Registers, labels and parameters keep their names.
function operands(text) {
  gsub(/%tid\.x/, "threadIdx.x", text)
  gsub(/%ntid\.x/, "blockDim.x", text)
  text = with_axis(with_axis(text, "%ctaid", "blockIdx"), "%nctaid", "gridDim")
  # Floating-point numbers by their bits.
  text = " " text
  gsub(/ 0[fd]/, " 0x", text)
  gsub(/,0[fd]/, ",0x", text)
  gsub(/\{0[fd]/, "{0x", text)
  gsub(/[][%$]/, "", text)
  gsub(/\|/, ", ", text)
  gsub(/\{/, "vector(", text)
  gsub(/\}/, ")", text)
  return text
}

function with_axis(text, special, name) {
  while (match(text, special "\\.[xyz]")) {
    text = substr(text, 1, RSTART - 1) name substr(text, RSTART + RLENGTH - 2, 2) substr(text, RSTART + RLENGTH)
  }
  return text
}

# .reg .b32 %r<3> declares r1 and r2, .reg .b32 %r that one.
function registers(kind, name, count, i, text) {
  if (!(substr(kind, 2) in type)) fail("a register of another kind than is known")
  sub(/^%/, "", name)
  text = "[[maybe_unused]] " type[substr(kind, 2)] " "
  if (!match(name, /<.*>/)) return text name " = 0;"
  count = substr(name, RSTART + 1, RLENGTH - 2) - 1
  name = substr(name, 1, RSTART - 1)
  for (i = 1; i <= count; i++) text = text (i > 1 ? ", " : "") name i " = 0"
  return count > 0 ? text ";" : ""
}

function instruction(text, guard, name, rest) {
  if (match(text, /^@!?%[A-Za-z0-9_]+ /)) {
    guard = substr(text, 2, RLENGTH - 2)
    sub(/%/, "", guard)
    text = substr(text, RLENGTH + 1)
    guard = "if (" guard ") "
  }
  name = text
  sub(/ .*/, "", name)
  rest = operands(substr(text, length(name) + 2))
  if (name == "ret") return guard "return;"
  if (name ~ /^bra/) return guard "goto " rest ";"
  # Which one it is, where a warp's lanes must all be at the same.
  if (name ~ /\.aligned\./) rest = FNR ", " rest
  gsub(/[.]/, "_", name)
  return guard name "(" rest ");"
}

function fail(why) {
  print FILENAME ":" FNR ": " why ": " $0 >"/dev/stderr"
  failed = 1
  exit 1
}

BEGIN {
  shared = shared_by_all = 0
  size["u8"] = size["b8"] = size["s8"] = 1
  size["u16"] = size["b16"] = size["s16"] = size["f16"] = 2
  size["u32"] = size["b32"] = size["s32"] = size["f32"] = 4
  size["u64"] = size["b64"] = size["s64"] = size["f64"] = 8
  type["pred"] = "bool"
  type["b16"] = "uint16_t"
  type["b32"] = type["f32"] = "uint32_t"
  type["b64"] = type["f64"] = "uint64_t"
  print "#include \"ptx.h\""
  print "using namespace tallrec::ptx;"
}

{
  sub(/\/\/.*/, "")
  gsub(/[ \t]+/, " ")
  sub(/^ /, "")
  sub(/ $/, "")
}

/^$/ || /^\.(version|target|address_size|pragma)/ { next }

/^\.visible \.entry / {
  kernel = $3
  sub(/\(.*/, "", kernel)
  parameters = 0
  sizes = most_threads = ""
  next
}

/^\.param / {
  sub(/,$/, "", $3)
  bits = substr($2, 2)
  if (!(bits in size)) fail("a parameter of another kind than is known")
  sizes = sizes (parameters ? ", " : "") size[bits]
  body = body "  [[maybe_unused]] const char* " $3 " = static_cast<const char*>(arguments[" parameters++ "]);\n"
  next
}

/^\.maxntid / {
  most_threads = $2
  sub(/,/, "", most_threads)
  next
}

/^\.shared / {
  bytes = $5
  sub(/.*\[/, "", bytes)
  sub(/\].*/, "", bytes)
  sub(/\[.*/, "", $5)
  shared = int((shared + $3 - 1) / $3) * $3
  body = body "  [[maybe_unused]] constexpr uint32_t " $5 " = " shared ";\n"
  shared += bytes
  if (kernel == "") {
    # Of all kernels behind it.
    for_all = body
    shared_by_all = shared
  }
  next
}

/^[()]$/ { next }

/^\{$/ && depth++ == 0 { next }

/^\}$/ && --depth == 0 {
  print "static void kernel_" kernel "(void** arguments) {"
  print "  begin(" shared ", " (most_threads ? most_threads : 1024) ");"
  printf "%s", body
  print "}"
  print "static tallrec::Registration registration_of_" kernel "(\"" kernel "\", {kernel_" kernel ", {" sizes "}});"
  kernel = ""
  shared = shared_by_all
  body = for_all
  next
}

kernel == "" { fail("a directive that is not known") }

/^\$.*:$/ {
  body = body " " substr($0, 2) ";\n"
  next
}

# What is left: instructions and registers, also in a scope of inline assembly, whose braces may stand in the same line.
{
  opening = closing = ""
  if (sub(/^\{ ?/, "")) opening = "{ "
  if (sub(/ ?\}$/, "")) closing = " }"
  if ($0 != "" && !sub(/;$/, "")) fail("not an instruction")
  body = body "  " opening ($0 == "" ? "" : /^\.reg / ? registers($2, $3) : instruction($0)) closing "\n"
}

END { if (!failed && kernel != "") fail("the end is missing behind") }
