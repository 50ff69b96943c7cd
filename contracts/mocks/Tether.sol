// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A token as the early ones are: returns nothing, changes an allowance from zero or to zero alone, and may keep
/// a fee of every transfer.
contract Tether {
    bytes32 public constant symbol = "TETHER";
    uint256 public immutable FEE_PERCENT;
    mapping(address account => uint256) public balanceOf;
    mapping(address account => mapping(address spender => uint256)) public allowance;

    constructor(uint256 feePercent) {
        FEE_PERCENT = feePercent;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        require(amount == 0 || allowance[msg.sender][spender] == 0, "set the allowance to zero first");
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount - amount * FEE_PERCENT / 100;
    }
}

/// @notice Answers `approve` with false, and grants nothing.
contract RefusingToken {
    function balanceOf(address) external pure returns (uint256) {
        return 1 ether;
    }

    function allowance(address, address) external pure returns (uint256) {
        return 0;
    }

    function approve(address, uint256) external pure returns (bool) {
        return false;
    }
}
