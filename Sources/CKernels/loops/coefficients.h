// Made by Utils/fit-functions, which see. Part of functions.h.
#ifndef NORMA_COEFFICIENTS
#define NORMA_COEFFICIENTS

// The first 32 bits of ln 2.
#define norma_ln2High 0x1.62e42fee00000p-1
// The rest of ln 2.
#define norma_ln2Low 0x1.a39ef35793c76p-33
// ln 10.
#define norma_ln10 0x1.26bb1bbb55516p+1
// What is left of ln 10.
#define norma_ln10Low -0x1.f48ad494ea3e9p-53
// 1 / ln 2.
#define norma_log2OfE 0x1.71547652b82fep+0
// √½.
#define norma_squareRootOfHalf 0x1.6a09e667f3bcdp-1
// 2π.
#define norma_twoPi 0x1.921fb54442d18p+2
// The first 26 bits of 2π.
#define norma_twoPiHigh 0x1.921fb50000000p+2
// The rest of 2π.
#define norma_twoPiLow 0x1.110b4611a6263p-24
// The first 24 bits of erf 1.
#define norma_errorFunctionOfOne 0x1.af767a0000000p-1

// `(eˣ − 1 − x) / x²`, |x| ≤ ln 2 / 2.
static const double norma_exponential_coefficients[] = {
  0x1.0000000000000p-1,
  0x1.5555555555559p-3,
  0x1.555555555555ap-5,
  0x1.111111110f75dp-7,
  0x1.6c16c16c14550p-10,
  0x1.a01a01afa6d7cp-13,
  0x1.a01a01b077bc0p-16,
  0x1.71ddf8e4298bap-19,
  0x1.27e4c61323d40p-22,
  0x1.af5dd3e53d084p-26,
  0x1.1f94c92708054p-29,
};

// `(ln((1 + s) / (1 − s)) − 2s) / s³` of s², s ≤ (√2 − 1) / (√2 + 1).
static const double norma_logarithm_coefficients[] = {
  0x1.555555555558fp-1,
  0x1.9999999980d32p-2,
  0x1.249249413a450p-2,
  0x1.c71c528abf48dp-3,
  0x1.7466272b4e54cp-3,
  0x1.39a3e8abc41dbp-3,
  0x1.2ef11d9cf9ddap-3,
};

// `(sin x − x) / x³` of x², x ≤ π / 4.
static const double norma_sine_coefficients[] = {
  -0x1.5555555555555p-3,
  0x1.111111111110bp-7,
  -0x1.a01a01a018b26p-13,
  0x1.71de3a533df85p-19,
  -0x1.ae64529d6832dp-26,
  0x1.6120959ee27e2p-33,
  -0x1.aaa6956105ee9p-41,
};

// `(cos x − 1 + x² / 2) / x⁴` of x², x ≤ π / 4.
static const double norma_cosine_coefficients[] = {
  0x1.5555555555555p-5,
  -0x1.6c16c16c16c12p-10,
  0x1.a01a01a0191d8p-16,
  -0x1.27e4fb7638720p-22,
  0x1.1eed8cdec954fp-29,
  -0x1.939374d6bc6eep-37,
  0x1.aadea249986e3p-45,
};

// `erf(x) / x − 1` of x², x ≤ 3/4.
static const double norma_errorFunction_coefficients[] = {
  0x1.06eba8214db69p-3,
  -0x1.812746b0379e7p-2,
  0x1.ce2f21a042bc6p-4,
  -0x1.b82ce31287d0dp-6,
  0x1.565bcd0e2cf27p-8,
  -0x1.c02db3ecc39b9p-11,
  0x1.f9a3230c9de48p-14,
  -0x1.f4d1d6bfe25fap-17,
  0x1.b9daee693f4f0p-20,
  -0x1.5ec14a5ccd210p-23,
  0x1.ef46bb6e628d9p-27,
  -0x1.0542e8fc2f3ffp-30,
};

// `erf(1 + x)` less the first bits of erf 1, −1/4 ≤ x ≤ 5/16.
static const double norma_errorFunctionNearOne_coefficients[] = {
  0x1.d04222b1b3591p-27,
  0x1.a911f096fbc26p-2,
  -0x1.a911f096fbc26p-2,
  0x1.1b614b0f527c5p-3,
  0x1.1b614b0f527f4p-4,
  -0x1.1b614b0f4bf4dp-4,
  0x1.2e45a56578101p-8,
  0x1.f096fd61c4eeap-7,
  -0x1.3911469cabd91p-8,
  -0x1.ee30c93ecc6a0p-10,
  0x1.4176aab672e91p-10,
  0x1.66a2e3a35dc06p-14,
  -0x1.a377d9bb3d331p-13,
  0x1.3d017772be216p-16,
  0x1.86410f49f52e3p-16,
  -0x1.98a6355263871p-18,
};

// `exp(x²) · erfc(x)`, 3/4 ≤ x ≤ 29, multiplied by the next.
static const double norma_tailNumerator_coefficients[] = {
  0x1.256f29345c8cdp+10,
  0x1.3c27dabf80832p+11,
  0x1.4e9e99a22c2e8p+11,
  0x1.bdcb77b2dc2d1p+10,
  0x1.95f6b1031c334p+9,
  0x1.02c17e03affeap+8,
  0x1.c5d3f59f4f336p+5,
  0x1.fc07040e1569fp+2,
  0x1.20dd75042c7bap-1,
};

// What the last is to be divided by.
static const double norma_tailDenominator_coefficients[] = {
  0x1.256f2918a75fcp+10,
  0x1.e1b54e0ca3e35p+11,
  0x1.6db9d77edb9e9p+12,
  0x1.5274d6a124db9p+12,
  0x1.a6dc5092c4c89p+11,
  0x1.74382fef146f0p+10,
  0x1.d1aae6046e42ep+8,
  0x1.9431cee9852cfp+6,
  0x1.c23a41bfa00ddp+3,
  0x1.0000000000000p+0,
};

// `(eˣ − 1 − x) / x²`, |x| ≤ ln 2 / 2, in short.
static const double norma_quickExponential_coefficients[] = {
  0x1.ffffffffef6dap-2,
  0x1.555555554cbfap-3,
  0x1.555555807f403p-5,
  0x1.1111112f44fefp-7,
  0x1.6c163798e2facp-10,
  0x1.a0196f54d6917p-13,
  0x1.a172aec293200p-16,
  0x1.7306b38c31e59p-19,
};

// `exp(x²) · erfc(x)`, 0 ≤ x ≤ 9.3, in short, multiplied by the next.
static const double norma_quickTailNumerator_coefficients[] = {
  0x1.a3f550a3c7c8dp+7,
  0x1.50f3ed8905b4bp+8,
  0x1.0a041ec3e8600p+8,
  0x1.f96d9601fd5d6p+6,
  0x1.2d7700a3ee5a3p+5,
  0x1.ace102d1ed965p+2,
  0x1.20dd78c503121p-1,
};

// What the last is to be divided by.
static const double norma_quickTailDenominator_coefficients[] = {
  0x1.a3f550a3c65e3p+7,
  0x1.1ef1c821f56bbp+9,
  0x1.5fccf63b1b80fp+9,
  0x1.f85ac08456d29p+8,
  0x1.cbcf4aa11847dp+7,
  0x1.0d2a4a7d144bep+6,
  0x1.7c159c5f7fd95p+3,
  0x1.0000000000000p+0,
};

// The first 17 bits of ln 2.
#define norma_singleLn2High 0x1.62e4p-1f
// The rest of ln 2, in single precision.
#define norma_singleLn2Low 0x1.7f7d1cp-20f
// 1 / ln 2, in single precision.
#define norma_singleLog2OfE 0x1.715476p+0f

// `(eˣ − 1 − x) / x²`, |x| ≤ ln 2 / 2, in single precision.
static const float norma_singleExponential_coefficients[] = {
  0x1p-1f,
  0x1.555492p-3f,
  0x1.555462p-5f,
  0x1.1239a4p-7f,
  0x1.6db126p-10f,
};

#endif
