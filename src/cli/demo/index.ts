/**
 * cli/demo: `stillpoint demo`. Starts the sim and the real agent, tells stories to the node and
 * prints what the agent makes of them. It decides nothing that the agent would decide.
 */
export { runDemo } from './demo.ts';
