// Numbers as text, as `norma explain` writes them: columns of numbers with as many decimals as the largest of them needs.

// A number with so many decimals, or so many digits and an exponent. What lies exactly between two texts becomes the even one,
// as in C, where JavaScript takes the larger.
function rounded(number, digits, method) {
  const text = number[method](digits), longer = number[method](Math.min(100, digits + 60));
  const [mantissa, exponent] = longer.split("e");
  const tail = mantissa.slice(mantissa.indexOf(".") + 1 + digits);
  if (!/^50*$/.test(tail)) return text;
  const kept = mantissa.slice(0, mantissa.indexOf(".") + (digits > 0 ? 1 + digits : 0));
  if (Number(kept.at(-1)) % 2 === 1) return text;
  return exponent === undefined ? kept : kept + "e" + exponent;
}

function trailingZeros(text) {
  const match = /\.\d*?(0*)$/.exec(text);
  return match ? match[1].length : 0;
}

function withoutDecimals(count, text) {
  const shorter = count > 0 ? text.slice(0, -count) : text;
  return shorter.endsWith(".") ? shorter.slice(0, -1) : shorter;
}

function isZeroText(text) { return /^-?0(\.0*)?$/.test(text); }

function scientificText(number, digits) {
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number < 0 ? "-∞" : "∞";
  if (number === 0) return "0";
  const [mantissa, exponent] = rounded(number, digits - 1, "toExponential").split("e");
  return withoutDecimals(trailingZeros(mantissa), mantissa) + "e" + Number(exponent);
}

// Texts of numbers that stand together, so that their points line up.
function numberTexts(numbers, digits = 4) {
  const largest = Math.max(0, ...numbers.filter(Number.isFinite).map(Math.abs));
  let texts;
  if (largest !== 0 && (largest < 1e-3 || largest >= 1e6)) {
    texts = numbers.map(number => scientificText(number, digits));
  } else {
    const leading = largest === 0 ? 0 : Math.trunc(Math.floor(Math.log10(largest)));
    const decimals = Math.max(0, digits - 1 - leading);
    texts = numbers.map(number => {
      if (!Number.isFinite(number)) return "";
      const text = rounded(number, decimals, "toFixed");
      return text.startsWith("-") && isZeroText(text) ? text.slice(1) : text;
    });
    const vanishes = texts.map((text, index) => numbers[index] !== 0 && isZeroText(text));
    const counted = texts.filter((text, index) => text !== "" && !vanishes[index]).map(trailingZeros);
    const zeros = counted.length > 0 ? Math.min(...counted) : 0;
    texts = texts.map((text, index) =>
      Number.isFinite(numbers[index]) && !vanishes[index]
        ? withoutDecimals(zeros, text) : scientificText(numbers[index], Math.min(2, digits)));
  }
  return texts.map(text => text.replaceAll("-", "−"));
}

function numberText(number, digits = 4) { return numberTexts([number], digits)[0]; }

// A sum that is written out: 0.2037 = 0.6667 − 0.4630.
function equation(texts) {
  return texts.slice(2).reduce(
    (line, text) => line + (text.startsWith("−") ? " − " + text.slice(1) : " + " + text), texts[0] + " = " + texts[1]);
}
