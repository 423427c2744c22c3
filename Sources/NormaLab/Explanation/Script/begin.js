// Shows the batch of the address, or that of the page.

{
  const found = addressed();
  show(found ? found.channel : copied(start.channels[0]), found ? found.epsilon : start.epsilon, true);
  root.classList.add("live");
}
