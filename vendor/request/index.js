/**
 * Stands in for the abandoned package `request`, of which ari-client uses one call: is anybody there?
 *
 * @param {string} url
 * @param {(error: Error | null, response?: import('node:http').IncomingMessage) => void} callback called once
 */
module.exports = function request(url, callback) {
  const { get } = String(url).startsWith('https:') ? require('node:https') : require('node:http');
  const asked = get(url, { timeout: 5000 }, (response) => {
    response.resume();
    callback(null, response);
  });
  asked.on('timeout', () => asked.destroy(Object.assign(new Error('no answer in 5 s'), { code: 'ETIMEDOUT' })));
  asked.once('error', callback);
};
