"""The functions of an exported C file; each is written only where it is called."""

from __future__ import annotations

FUNCTIONS: dict[str, str] = {
    "conv": """
/* sizes: input, output, kernel, stride, padding, dilation; three axes each */
static void conv(const real *x, const real *w, const real *b, real *y, size_t in, size_t out, size_t groups,
                 const size_t *sizes) {
    const size_t *X = sizes, *Y = sizes + 3, *K = sizes + 6, *stride = sizes + 9, *pad = sizes + 12, *gap = sizes + 15;
    size_t per = in / groups;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < Y[0]; i++)
            for (size_t j = 0; j < Y[1]; j++)
                for (size_t k = 0; k < Y[2]; k++) {
                    real sum = b ? b[o] : 0;
                    for (size_t c = 0; c < per; c++)
                        for (size_t p = 0; p < K[0]; p++)
                            for (size_t q = 0; q < K[1]; q++)
                                for (size_t r = 0; r < K[2]; r++) {
                                    /* below 0 these wrap round, and are beyond the end */
                                    size_t a = i * stride[0] + p * gap[0] - pad[0], e = j * stride[1] + q * gap[1] - pad[1];
                                    size_t f = k * stride[2] + r * gap[2] - pad[2];
                                    if (a < X[0] && e < X[1] && f < X[2])
                                        sum += x[(((o / (out / groups)) * per + c) * X[0] + a) * X[1] * X[2] + e * X[2] + f]
                                               * w[((o * per + c) * K[0] + p) * K[1] * K[2] + q * K[2] + r];
                                }
                    y[((o * Y[0] + i) * Y[1] + j) * Y[2] + k] = sum;
                }
}
""",
    "conv_transposed": """
static void conv_transposed(const real *x, const real *w, const real *b, real *y, size_t in, size_t out, size_t groups,
                            const size_t *sizes) {
    const size_t *X = sizes, *Y = sizes + 3, *K = sizes + 6, *stride = sizes + 9, *pad = sizes + 12, *gap = sizes + 15;
    size_t per = out / groups;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < Y[0] * Y[1] * Y[2]; i++)
            y[o * Y[0] * Y[1] * Y[2] + i] = b ? b[o] : 0;
    for (size_t c = 0; c < in; c++)
        for (size_t i = 0; i < X[0]; i++)
            for (size_t j = 0; j < X[1]; j++)
                for (size_t k = 0; k < X[2]; k++)
                    for (size_t o = 0; o < per; o++)
                        for (size_t p = 0; p < K[0]; p++)
                            for (size_t q = 0; q < K[1]; q++)
                                for (size_t r = 0; r < K[2]; r++) {
                                    size_t a = i * stride[0] + p * gap[0] - pad[0], e = j * stride[1] + q * gap[1] - pad[1];
                                    size_t f = k * stride[2] + r * gap[2] - pad[2];
                                    if (a < Y[0] && e < Y[1] && f < Y[2])
                                        y[(((c / (in / groups)) * per + o) * Y[0] + a) * Y[1] * Y[2] + e * Y[2] + f] +=
                                            x[((c * X[0] + i) * X[1] + j) * X[2] + k]
                                            * w[((c * per + o) * K[0] + p) * K[1] * K[2] + q * K[2] + r];
                                }
}
""",
    "maxpool": """
static void maxpool(const real *x, real *y, size_t channels, const size_t *sizes) {
    const size_t *X = sizes, *Y = sizes + 3, *K = sizes + 6, *stride = sizes + 9, *pad = sizes + 12, *gap = sizes + 15;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < Y[0]; i++)
            for (size_t j = 0; j < Y[1]; j++)
                for (size_t k = 0; k < Y[2]; k++) {
                    real most = -INFINITY;
                    for (size_t p = 0; p < K[0]; p++)
                        for (size_t q = 0; q < K[1]; q++)
                            for (size_t r = 0; r < K[2]; r++) {
                                size_t a = i * stride[0] + p * gap[0] - pad[0], e = j * stride[1] + q * gap[1] - pad[1];
                                size_t f = k * stride[2] + r * gap[2] - pad[2];
                                if (a < X[0] && e < X[1] && f < X[2])
                                    most = FMAX(most, x[((c * X[0] + a) * X[1] + e) * X[2] + f]);
                            }
                    *y++ = most;
                }
}
""",
    "avgpool": """
/* padded: zeros beyond the edge count, up to the padding's end; divisor: what to divide by instead */
static void avgpool(const real *x, real *y, size_t channels, const size_t *sizes, int padded, size_t divisor) {
    const size_t *X = sizes, *Y = sizes + 3, *K = sizes + 6, *stride = sizes + 9, *pad = sizes + 12;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < Y[0]; i++)
            for (size_t j = 0; j < Y[1]; j++)
                for (size_t k = 0; k < Y[2]; k++) {
                    real sum = 0;
                    size_t inside = 0, covered = 0;
                    for (size_t p = 0; p < K[0]; p++)
                        for (size_t q = 0; q < K[1]; q++)
                            for (size_t r = 0; r < K[2]; r++) {
                                size_t a = i * stride[0] + p, e = j * stride[1] + q, f = k * stride[2] + r;
                                covered += a < X[0] + 2 * pad[0] && e < X[1] + 2 * pad[1] && f < X[2] + 2 * pad[2];
                                a -= pad[0], e -= pad[1], f -= pad[2];
                                if (a < X[0] && e < X[1] && f < X[2]) {
                                    sum += x[((c * X[0] + a) * X[1] + e) * X[2] + f];
                                    inside++;
                                }
                            }
                    *y++ = sum / (real)(divisor ? divisor : padded ? covered : inside);
                }
}
""",
    "adaptive": """
static void adaptive(const real *x, real *y, size_t channels, const size_t *sizes, int most) {
    const size_t *X = sizes, *Y = sizes + 3;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < Y[0]; i++)
            for (size_t j = 0; j < Y[1]; j++)
                for (size_t k = 0; k < Y[2]; k++) {
                    real sum = most ? -INFINITY : 0;
                    size_t n = 0;
                    for (size_t a = i * X[0] / Y[0]; a < ((i + 1) * X[0] + Y[0] - 1) / Y[0]; a++)
                        for (size_t e = j * X[1] / Y[1]; e < ((j + 1) * X[1] + Y[1] - 1) / Y[1]; e++)
                            for (size_t f = k * X[2] / Y[2]; f < ((k + 1) * X[2] + Y[2] - 1) / Y[2]; f++, n++) {
                                real value = x[((c * X[0] + a) * X[1] + e) * X[2] + f];
                                sum = most ? FMAX(sum, value) : sum + value;
                            }
                    *y++ = most ? sum : sum / (real)n;
                }
}
""",
    "softmax": """
static void softmax(const real *x, real *y, size_t rows, size_t n) {
    for (; rows--; x += n, y += n) {
        real most = x[0], total = 0;
        for (size_t i = 1; i < n; i++)
            most = FMAX(most, x[i]);
        for (size_t i = 0; i < n; i++)
            total += y[i] = EXP(x[i] - most);
        for (size_t i = 0; i < n; i++)
            y[i] /= total;
    }
}
""",
    "log_softmax": """
static void log_softmax(const real *x, real *y, size_t rows, size_t n) {
    for (; rows--; x += n, y += n) {
        real most = x[0], total = 0;
        for (size_t i = 1; i < n; i++)
            most = FMAX(most, x[i]);
        for (size_t i = 0; i < n; i++)
            total += EXP(x[i] - most);
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] - most - LOG(total);
    }
}
""",
    "layernorm": """
static void layernorm(const real *x, const real *w, const real *b, real *y, size_t rows, size_t n, real eps) {
    for (; rows--; x += n, y += n) {
        real mean = 0, variance = 0;
        for (size_t i = 0; i < n; i++)
            mean += x[i] / (real)n;
        for (size_t i = 0; i < n; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (real)n;
        for (size_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) / SQRT(variance + eps) * w[i] + b[i];
    }
}
""",
    "rmsnorm": """
static void rmsnorm(const real *x, const real *w, real *y, size_t rows, size_t n, real eps) {
    for (; rows--; x += n, y += n) {
        real square = 0;
        for (size_t i = 0; i < n; i++)
            square += x[i] * x[i] / (real)n;
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] / SQRT(square + eps) * w[i];
    }
}
""",
    "batchnorm": """
static void batchnorm(const real *x, const real *w, const real *b, const real *mean, const real *variance, real *y,
                      size_t channels, size_t n, real eps) {
    for (size_t c = 0; c < channels; c++)
        for (size_t i = c * n; i < (c + 1) * n; i++)
            y[i] = (x[i] - mean[c]) / SQRT(variance[c] + eps) * (w ? w[c] : 1) + (b ? b[c] : 0);
}
""",
    "groupnorm": """
static void groupnorm(const real *x, const real *w, const real *b, real *y, size_t groups, size_t channels, size_t n,
                      real eps) {
    size_t size = channels * n;
    for (size_t g = 0; g < groups; g++, x += size, y += size) {
        real mean = 0, variance = 0;
        for (size_t i = 0; i < size; i++)
            mean += x[i] / (real)size;
        for (size_t i = 0; i < size; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (real)size;
        for (size_t i = 0; i < size; i++) {
            size_t c = g * channels + i / n;
            y[i] = (x[i] - mean) / SQRT(variance + eps) * (w ? w[c] : 1) + (b ? b[c] : 0);
        }
    }
}
""",
    "rnn": """
static void rnn(const real *gates, const real *w, const real *h, real *y, size_t length, size_t n, int reverse, int relu) {
    for (size_t step = 0; step < length; step++) {
        size_t t = reverse ? length - 1 - step : step;
        for (size_t i = 0; i < n; i++) {
            real sum = gates[t * n + i];
            for (size_t j = 0; h && j < n; j++)
                sum += w[i * n + j] * h[j];
            y[t * n + i] = relu ? FMAX(sum, 0) : TANH(sum);
        }
        h = y + t * n;
    }
}
""",
    "lstm": """
static void lstm(const real *gates, const real *w, const real *h, const real *first, real *y, size_t length, size_t n,
                 int reverse, real *scratch) {
    real *c = scratch, *value = scratch + n;
    for (size_t i = 0; i < n; i++)
        c[i] = first ? first[i] : 0;
    for (size_t step = 0; step < length; step++) {
        size_t t = reverse ? length - 1 - step : step;
        for (size_t i = 0; i < 4 * n; i++) {
            value[i] = gates[t * 4 * n + i];
            for (size_t j = 0; h && j < n; j++)
                value[i] += w[i * n + j] * h[j];
        }
        for (size_t i = 0; i < n; i++) {
            real in = 1 / (1 + EXP(-value[i])), forget = 1 / (1 + EXP(-value[n + i])), out = 1 / (1 + EXP(-value[3 * n + i]));
            c[i] = forget * c[i] + in * TANH(value[2 * n + i]);
            y[t * n + i] = out * TANH(c[i]);
        }
        h = y + t * n;
    }
}
""",
    "gru": """
static void gru(const real *gates, const real *w, const real *b, const real *h, real *y, size_t length, size_t n, int reverse,
                real *value) {
    for (size_t step = 0; step < length; step++) {
        size_t t = reverse ? length - 1 - step : step;
        const real *gate = gates + t * 3 * n;
        for (size_t i = 0; i < 3 * n; i++) {
            value[i] = b[i];
            for (size_t j = 0; h && j < n; j++)
                value[i] += w[i * n + j] * h[j];
        }
        for (size_t i = 0; i < n; i++) {
            real r = 1 / (1 + EXP(-gate[i] - value[i])), z = 1 / (1 + EXP(-gate[n + i] - value[n + i]));
            real made = TANH(gate[2 * n + i] + r * value[2 * n + i]);
            y[t * n + i] = made + z * ((h ? h[i] : 0) - made);
        }
        h = y + t * n;
    }
}
""",
    "attention": """
/* queries, keys and values side by side */
static void attention(const real *qkv, real *y, size_t length, size_t n, size_t heads, size_t kv_heads, int causal,
                      real *weight) {
    size_t row = (heads + 2 * kv_heads) * n;
    for (size_t head = 0; head < heads; head++)
        for (size_t t = 0; t < length; t++) {
            const real *q = qkv + t * row + head * n, *k = qkv + (heads + head / (heads / kv_heads)) * n, *v = k + kv_heads * n;
            size_t seen = causal ? t + 1 : length;
            real most = -INFINITY, total = 0, *out = y + (t * heads + head) * n;
            for (size_t s = 0; s < seen; s++) {
                weight[s] = 0;
                for (size_t d = 0; d < n; d++)
                    weight[s] += q[d] * k[s * row + d];
                weight[s] /= SQRT((real)n);
                most = FMAX(most, weight[s]);
            }
            for (size_t s = 0; s < seen; s++)
                total += weight[s] = EXP(weight[s] - most);
            for (size_t d = 0; d < n; d++) {
                out[d] = 0;
                for (size_t s = 0; s < seen; s++)
                    out[d] += weight[s] / total * v[s * row + d];
            }
        }
}
""",
    "rope": """
static void rope(const real *x, real *y, size_t length, size_t n, size_t turned, size_t rest, real base, int sign) {
    for (size_t t = 0; t < length; t++)
        for (size_t part = 0; part < turned + rest; part++, x += n, y += n)
            for (size_t i = 0; i < n / 2; i++) {
                real angle = part < turned ? (real)sign * (real)t * POW(base, -(real)i / (real)(n / 2)) : 0;
                real a = x[i], b = x[n / 2 + i];
                y[i] = a * COS(angle) - b * SIN(angle);
                y[n / 2 + i] = a * SIN(angle) + b * COS(angle);
            }
}
""",
    "upsample_nearest": """
static void upsample_nearest(const real *x, real *y, size_t channels, const size_t *sizes) {
    const size_t *X = sizes, *F = sizes + 3;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < X[0] * F[0]; i++)
            for (size_t j = 0; j < X[1] * F[1]; j++)
                for (size_t k = 0; k < X[2] * F[2]; k++)
                    *y++ = x[((c * X[0] + i / F[0]) * X[1] + j / F[1]) * X[2] + k / F[2]];
}
""",
    "upsample_linear": """
static void upsample_linear(const real *x, real *y, size_t channels, const size_t *sizes) {
    const size_t *X = sizes, *F = sizes + 3;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < X[0] * F[0]; i++)
            for (size_t j = 0; j < X[1] * F[1]; j++)
                for (size_t k = 0; k < X[2] * F[2]; k++) {
                    size_t at[3] = {i, j, k}, low[3], high[3];
                    real share[3], sum = 0;
                    for (int axis = 0; axis < 3; axis++) {
                        real place = FMAX(((real)at[axis] + R(0.5)) / (real)F[axis] - R(0.5), 0);
                        low[axis] = (size_t)place;
                        high[axis] = low[axis] + 1 < X[axis] ? low[axis] + 1 : X[axis] - 1;
                        share[axis] = place - (real)low[axis];
                    }
                    for (int corner = 0; corner < 8; corner++) {
                        size_t p = corner & 4 ? high[0] : low[0], q = corner & 2 ? high[1] : low[1];
                        size_t r = corner & 1 ? high[2] : low[2];
                        sum += (corner & 4 ? share[0] : 1 - share[0]) * (corner & 2 ? share[1] : 1 - share[1])
                               * (corner & 1 ? share[2] : 1 - share[2]) * x[((c * X[0] + p) * X[1] + q) * X[2] + r];
                    }
                    *y++ = sum;
                }
}
""",
    "replicate": """
static size_t replicate(long place, long size) {
    return (size_t)(place < 0 ? 0 : place < size ? place : size - 1);
}
""",
    "reflect": """
static size_t reflect(long place, long size) {
    return (size_t)(place < 0 ? -place : place < size ? place : 2 * size - 2 - place);
}
""",
}
