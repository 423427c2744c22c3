// Part 11: which numbers of a batch of images share a mean.

{
  const drawing = find("block-drawing"), cells = [...find("block-cells").children], side = 4, pitch = 0.5;
  const kinds = {
    batch: {
      over: "examples and places", share: 16, count: 4, needs: "yes", holds: (cell, chosen) => cell[1] === chosen[1],
      words: chosen => `Batch normalization: channel ${chosen[1] + 1} of all examples, at all places, shares one mean.`,
    },
    layer: {
      over: "channels and places", share: 16, count: 4, needs: "no", holds: (cell, chosen) => cell[0] === chosen[0],
      words: chosen => `Layer normalization: all channels of example ${chosen[0] + 1}, at all places, share one mean.`,
    },
    group: {
      over: "two channels and places", share: 8, count: 8, needs: "no",
      holds: (cell, chosen) => cell[0] === chosen[0] && cell[1] >> 1 === chosen[1] >> 1,
      words: chosen => `Group normalization: channels ${(chosen[1] >> 1) * 2 + 1} and ${(chosen[1] >> 1) * 2 + 2} of example `
        + `${chosen[0] + 1} share one mean.`,
    },
    instance: {
      over: "places", share: 4, count: 16, needs: "no", holds: (cell, chosen) => cell[0] === chosen[0] && cell[1] === chosen[1],
      words: chosen => `Instance normalization: channel ${chosen[1] + 1} of example ${chosen[0] + 1} has a mean of its own.`,
    },
  };
  const kind = choice("block-kind", draw);
  const example = slider("block-example", String, draw), channel = slider("block-channel", String, draw);
  const turn = slider("block-turn", value => value + "°", draw);

  function draw() {
    const yaw = turn.value * Math.PI / 180, chosen = [example.value - 1, channel.value - 1], now = kinds[kind.value];
    const point = corner => {
      const [x, z, y] = corner.map(value => value - side / 2);
      const across = x * Math.cos(yaw) - z * Math.sin(yaw), depth = x * Math.sin(yaw) + z * Math.cos(yaw);
      return [180 + 44 * across, 165 - 44 * (y * Math.cos(pitch) - depth * Math.sin(pitch))];
    };
    const seesUpper = [Math.sin(yaw) > 0, Math.cos(yaw) > 0, true];
    cells.forEach((element, index) => {
      const axis = Math.floor(index / (side * side)), first = (axis + 1) % 3, second = (axis + 2) % 3;
      const cell = [0, 0, 0], inSide = index % (side * side);
      cell[axis] = seesUpper[axis] ? side - 1 : 0;
      cell[first] = Math.floor(inSide / side);
      cell[second] = inSide % side;
      const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([across, along]) => {
        const corner = [0, 0, 0];
        corner[axis] = seesUpper[axis] ? side : 0;
        corner[first] = cell[first] + across;
        corner[second] = cell[second] + along;
        return point(corner);
      });
      element.setAttribute("d", line(corners) + "z");
      element.classList.toggle("marked", now.holds(cell, chosen));
    });
    const [ex, ch] = seesUpper.map(upper => upper ? side : 0), out = index => seesUpper[index] ? 1 : -1;
    place("block-examples", point([side / 2, ch + 0.5 * out(1), -0.2]));
    place("block-channels", point([ex + 0.5 * out(0), side / 2, -0.2]));
    // Away from the block, whose edge it stands beside.
    const [x, y] = point([seesUpper[0] ? -0.5 : 4.5, ch + 0.3 * out(1), side / 2]);
    place("block-places", [x + (x < 180 ? -14 : 14), y]);
    write("block-over", now.over);
    write("block-share", String(now.share));
    write("block-count", String(now.count));
    write("block-needs", now.needs);
    write("block-outcome", now.words(chosen));
  }

  function place(identifier, [x, y]) {
    find(identifier).setAttribute("x", clamp(x, 20, 340).toFixed(2));
    find(identifier).setAttribute("y", Math.min(314, y + 4).toFixed(2));
  }

  let from = 0;
  drag(drawing,
    event => { from = turn.value - pointIn(drawing, event).x; },
    event => { turn.value = ((Math.round((from + pointIn(drawing, event).x) / 5) * 5) % 360 + 360) % 360; draw(); });
  draw();
}
