// Batch normalization of one channel, forward and backward: the operations of Norma's graph in the same order, so that every
// digit is the same.

function sum(numbers) {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

// Every node's value and gradient, and what the gradient is a sum of. `channel` is { x, gamma, beta, gradient }.
function walk(channel, epsilon) {
  const { x, gamma, beta, gradient } = channel;
  const count = x.length, share = 1 / count;

  const mu = share * sum(x);
  const c = x.map(value => value - mu);
  const q = c.map(value => value * value);
  const v = share * sum(q);
  const u = v + epsilon;
  const s = Math.sqrt(u);
  const r = 1 / s;
  const xhat = c.map(value => value * r);
  const t = xhat.map(value => value * gamma);
  const y = t.map(value => value + beta);

  const dy = gradient, dt = dy;
  const dbeta = sum(dy);
  const dxhat = dt.map(value => value * gamma);
  const dgamma = sum(dt.map((value, row) => value * xhat[row]));
  const dr = sum(dxhat.map((value, row) => value * c[row]));
  const ds = -(dr * (r * r));
  const du = ds / (2 * s);
  const dv = du;
  const dq = x.map(() => share * dv);
  const dcFromXhat = dxhat.map(value => value * r);
  const dcFromQ = c.map((value, row) => 2 * (dq[row] * value));
  const dc = dcFromXhat.map((value, row) => value + dcFromQ[row]);
  const dmu = -sum(dc);
  const dxFromC = dc;
  const dxFromMu = x.map(() => share * dmu);
  const dx = dxFromC.map((value, row) => value + dxFromMu[row]);

  return {
    x, gamma, beta, mu, c, q, v, u, s, r, xhat, t, y,
    dx, dgamma, dbeta, dmu, dc, dq, dv, du, ds, dr, dxhat, dt, dy,
    dcFromXhat, dcFromQ, dxFromC, dxFromMu,
  };
}

// The gradient of x in closed form, by what it takes away: first the mean of the gradient, then its part along x̂.
function closedForm(channel, values) {
  const { gamma, gradient } = channel, { xhat, s } = values;
  const count = gradient.length;
  const mean = sum(gradient) / count;
  const along = sum(gradient.map((value, row) => value * xhat[row])) / count;
  const centred = gradient.map(value => value - mean);
  const rest = centred.map((value, row) => value - xhat[row] * along);
  const dx = rest.map(value => value * (gamma / s));
  return { mean, along, meanPart: gradient.map(() => mean), alongPart: xhat.map(value => value * along), centred, rest, dx };
}

// Running statistics after a batch that weighs `momentum`; the batch's variance is the unbiased one.
function updated(running, batch, momentum) {
  const keep = 1 - momentum;
  return {
    mean: keep * running.mean + momentum * batch.mean,
    variance: keep * running.variance + momentum * batch.variance,
  };
}
