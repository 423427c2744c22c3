// Shows the batch of the address, or that of the page, and what is operated as the address has it.

{
  const found = addressed();
  show(found ? found.channel : copied(start.channels[0]), found ? found.epsilon : start.epsilon, true);
  // Lists of rows are as long as the batch now, and the steps know how many they are.
  if (found) moveSettings(false);
  root.classList.add("live");
}
